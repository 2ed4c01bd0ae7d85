"""The demo's workload: a morning's worth of what gateways see, small enough to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CHAT, MESSAGES, RESPONSES, EMBEDDINGS = "/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"

_EXTRACT = (
    "Extract supplier, date and total as JSON: Invoice 2291 from Halden Maritime, dated 3 March, 4 pallets of rope at 310 EUR, "
    "due in 30 days, contact Ida Berg."
)
_TOOL = {
    "type": "function",
    "function": {"name": "order_status", "parameters": {"type": "object", "properties": {"order": {"type": "string"}}}},
}
_APOLOGY = "Write a two-paragraph apology to a guest whose room was not ready; offer a late check-out, no money."
_PASSAGES = (
    "[1] Filters last six months. [2] Red lamp: filter full. Yellow: low water.\n\nThe yellow lamp is on. What now, and is it urgent? Cite."
)
_SCRIPT = "Python: read a CSV of (name, score) and print the median per name, standard library only."
_PROOF = (
    "Prove that for every integer n > 1 the sum 1 + 1/2 + ... + 1/n is never an integer, then generalise the argument to sums of "
    "reciprocals of any arithmetic progression with coprime first term and difference, stating exactly where it could fail."
)
_DESIGN = (
    "Design a multi-region order service: exactly-once payment capture, at most 200 ms p99 for reads, survival of a region's loss without "
    "manual steps. Compare consensus per order with sagas, give the failure modes of each, and write the state machine you would ship."
)
# Nobody's: a documentation domain, and the IBAN of the standard's own examples.
_REFUND = (
    "Compare three ways to refund Dana Whitlock (dana.whitlock@example.com, IBAN GB82 WEST 1234 5698 7654 32) for a booking paid in two "
    "currencies, weigh their legal and tax consequences, and derive which one costs us least under each of the rates above."
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One request of the workload. `fails_first` makes the backend that is tried first answer 503; `stays`: it must not leave."""

    title: str
    path: str
    body: dict[str, Any]
    status: int = 200
    fails_first: bool = False
    stays: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def _chat(content: str, model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def _messages(content: str, model: str = "claude-sonnet-4-5", **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 1024, "messages": [{"role": "user", "content": content}], **more}


SAMPLES = (
    Sample("sentiment of a review", CHAT, _chat("Positive or negative? 'The kettle arrived quickly and works.'")),
    Sample("extract fields to JSON", CHAT, _chat(_EXTRACT, response_format={"type": "json_object"})),
    Sample("translate a notice", MESSAGES, _messages("Translate to Portuguese: The shop opens at nine.")),
    Sample("streamed greeting", CHAT, _chat("Say hello to Mia in one short line.", stream=True)),
    Sample("small model is down", CHAT, _chat("Fix the capital letters: tHE oFFICE iS cLOSED"), fails_first=True),
    Sample("apology e-mail", CHAT, _chat(_APOLOGY)),
    Sample("answer from passages", MESSAGES, _messages(_PASSAGES, system="Answer only from the passages.")),
    Sample("short script", RESPONSES, {"model": "gpt-4o", "input": _SCRIPT}),
    Sample("tool call", CHAT, _chat("Where is order A-17? Call the tool.", tools=[_TOOL])),
    Sample("mathematical proof", CHAT, _chat(_PROOF)),
    Sample("system design", MESSAGES, _messages(_DESIGN, model="claude-opus-4-5", stream=True)),
    Sample("personal data", CHAT, _chat(_REFUND), stays=True),
    Sample("embedding", EMBEDDINGS, {"model": "text-embedding-3-small", "input": ["late check-out", "low water lamp"]}),
    Sample("body that is not JSON", CHAT, {}, status=400),
)
