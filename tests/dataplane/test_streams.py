"""Answers on their way back: byte for byte, chunk for chunk, and without Python where it is not needed."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time

import pytest

from extproc.testing import Behaviour
from extproc.testing.answers import APIS, canned
from tests.dataplane.harness import Answer, Stack, chat_body

pytestmark = pytest.mark.dataplane

MESSAGES_SENT = r"ext_proc\.stream_msgs_sent$"


def sent_events(stack: Stack, answer: Answer) -> list[bytes]:
    """What the stand-in sent as this answer, event by event."""
    name, arrival = stack.arrival(answer.id)
    serial = int(re.search(rb"standin(\d+)", answer.body)[1])
    document = canned.compose(json.loads(arrival.body), stack.standins[name].behaviour, name=name, serial=serial)
    return list(APIS[arrival.path].events(document))


def test_a_stripped_stream_is_what_was_sent_less_one_event(stack: Stack) -> None:
    answer = stack.chat("easy", stream=True)
    events = sent_events(stack, answer)
    assert b'"choices":[],"usage"' in events[-2]
    assert answer.body == b"".join((*events[:-2], events[-1]))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_any_other_stream_is_what_was_sent(stack: Stack, path: str) -> None:
    body = {"model": "auto", "max_tokens": 50, "stream": True, "stream_options": {"include_usage": True}}
    content = {"input": "medium"} if path.endswith("responses") else {"messages": [{"role": "user", "content": "medium"}]}
    answer = stack.post(path, body | content)
    assert answer.body == b"".join(sent_events(stack, answer))


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_plain_answer_costs_two_messages_to_a_worker_however_long_it_is(stack: Stack, is_stream: bool) -> None:
    stack.standins["mid"].behaviour = Behaviour(tokens=200)
    before = stack.counter(MESSAGES_SENT)
    answer = stack.chat("medium", stream=is_stream, stream_options={"include_usage": True})
    assert answer.status == 200
    assert stack.record(answer.id).completion_tokens == 200
    assert stack.counter(MESSAGES_SENT) - before == 2


def test_tokens_arrive_as_they_are_made(stack: Stack) -> None:
    stack.standins["local"].behaviour = Behaviour(tokens=5, gap_s=0.1)
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=10)
    connection.request("POST", "/v1/chat/completions", json.dumps(chat_body("easy", stream=True)))
    answer = connection.getresponse()
    times = []
    while line := answer.readline():
        if line.startswith(b"data:"):
            times.append(time.monotonic())
    connection.close()
    assert times[-1] - times[0] > 0.3  # not held back until the end
    assert stack.record(answer.headers["x-request-id"]).completion_tokens == 5


@pytest.mark.parametrize("asks_usage", [False, True])
def test_a_stream_without_usage_is_estimated_and_says_so(stack: Stack, asks_usage: bool) -> None:
    stack.standins["mid"].behaviour = Behaviour(has_usage=False, tokens=100)
    answer = stack.chat("medium " * 50, stream=True, stream_options={"include_usage": asks_usage})
    record = stack.record(answer.id)
    assert (record.outcome, record.is_estimated, record.estimate_reason) == ("ok", True, "no_usage")
    assert 50 < record.completion_tokens < 200
    assert 20 < record.prompt_tokens < 200
    assert record.cost_micro_usd > 0


@pytest.mark.parametrize("strips", [True, False])
def test_a_stream_that_breaks_off_is_not_tried_elsewhere(stack: Stack, strips: bool) -> None:
    stack.standins["local"].then(Behaviour(cut_after=4, gap_s=0.1))
    answer = stack.chat("easy", stream=True, stream_options={"include_usage": not strips})
    record = stack.record(answer.id)
    assert (answer.status, answer.is_whole) == (200, False)
    assert list(stack.arrivals(answer.id)) == ["local"]
    assert (record.attempts, record.outcome, record.estimate_reason) == (("local",), "cut_off", "cut_off")
    assert record.completion_tokens > 0


def test_a_caller_who_leaves_in_the_middle_of_a_stream_is_on_one_record(stack: Stack) -> None:
    stack.standins["local"].then(Behaviour(tokens=200, gap_s=0.05))
    body = json.dumps(chat_body("easy", stream=True)).encode()
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as caller:
        caller.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        said = b""
        while said.count(b"data:") < 3:
            said += caller.recv(65_536)
    request_id = re.search(rb"x-request-id: (\S+)", said)[1].decode()
    record = stack.record(request_id)
    assert (record.status, record.outcome, record.is_estimated) == (200, "cut_off", True)
    assert 0 < record.completion_tokens < 100


def test_a_caller_who_leaves_before_an_answer_is_on_one_record(stack: Stack) -> None:
    stack.standins["mid"].then(Behaviour(first_byte_s=1))
    body = json.dumps(chat_body("medium, and then gone")).encode()
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as caller:
        caller.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        request_id = stack.await_arrival("mid", b"and then gone").headers["x-request-id"]
    record = stack.record(request_id)
    assert (record.outcome, record.is_estimated, record.estimate_reason) == ("aborted", True, "aborted")
    assert record.prompt_tokens > 0
    assert record.completion_tokens == 0
