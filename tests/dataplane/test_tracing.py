"""One trace a request: the caller's, Envoy's and ours are the same, seen by a real OTLP receiver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from extproc.testing import Behaviour
from extproc.testing.otlp import OtlpReceiver, ReceivedSpan
from tests.dataplane.harness import Stack, running, until

pytestmark = pytest.mark.dataplane

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def traced() -> Iterator[tuple[Stack, OtlpReceiver]]:
    with OtlpReceiver() as receiver, running(otlp=receiver.endpoint) as stack:
        yield stack, receiver


def spans_of(receiver: OtlpReceiver, trace_id: str) -> list[ReceivedSpan]:
    return [span for span in receiver.spans() if span.trace_id == trace_id]


def ours(spans: list[ReceivedSpan]) -> list[ReceivedSpan]:
    return [span for span in spans if "tiermesh.api" in span.attributes]


def test_our_span_continues_the_callers_trace_by_way_of_envoys_spans(traced: tuple[Stack, OtlpReceiver]) -> None:
    stack, receiver = traced
    answer = stack.chat("an easy one", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert answer.status == 200
    until(lambda: len(ours(spans_of(receiver, TRACE))) == 1 and len(spans_of(receiver, TRACE)) >= 3, "no whole trace arrived")
    spans = {span.span_id: span for span in spans_of(receiver, TRACE)}
    (mine,) = ours(list(spans.values()))
    assert mine.name == "chat local-model"
    assert mine.attributes["gen_ai.usage.input_tokens"] == stack.record(answer.id).prompt_tokens
    chain = [mine]
    while chain[-1].parent_span_id in spans:
        chain.append(spans[chain[-1].parent_span_id])
    assert len(chain) >= 2, "our span hangs below one of Envoy's"
    assert chain[-1].parent_span_id == "00f067aa0ba902b7", "and Envoy's below the caller's"


def test_a_failed_attempt_is_an_event_of_the_span_and_no_text_is_in_it(traced: tuple[Stack, OtlpReceiver]) -> None:
    stack, receiver = traced
    stack.standins["local"].then(Behaviour(status=503))
    trace = "aaaabbbbccccddddeeeeffff00001111"
    answer = stack.chat("an easy pangolin", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert answer.status == 200
    until(lambda: bool(ours(spans_of(receiver, trace))), "our span did not arrive")
    (mine,) = ours(spans_of(receiver, trace))
    failed = [event for event in mine.events if event.name == "tiermesh.attempt_failed"]
    assert [event.attributes["tiermesh.backend"] for event in failed] == ["local"]
    assert "pangolin" not in repr(spans_of(receiver, trace))


def test_a_trace_that_the_caller_does_not_sample_gets_no_span_of_ours(traced: tuple[Stack, OtlpReceiver]) -> None:
    stack, receiver = traced
    trace = "99998888777766665555444433332222"
    answer = stack.chat("an easy one", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-00"})
    stack.record(answer.id)
    later = stack.chat("another easy one", headers={"traceparent": f"00-{'7' * 32}-00f067aa0ba902b7-01"})
    assert later.status == 200
    until(lambda: bool(ours(spans_of(receiver, "7" * 32))), "the later span did not arrive")
    assert not ours(spans_of(receiver, trace))
