"""Token counts: one meaning for what every API reports, and an estimate where an answer reports nothing.

The counts of an answer reach us as numbers in dynamic metadata, named as the API names them:

    OpenAI      prompt_tokens, or input_tokens of the responses API, includes what was read from the prompt cache
                (`cached_tokens`); completion or output tokens include reasoning.
    Anthropic   input_tokens leaves out what was read from the cache and what was written to it; those are counts of their
                own. A stream gives a first set at its start (`start_*`) and running totals later: the larger one counts.

Here `prompt` includes cached and cache_write, and `completion` includes reasoning, whatever the API.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.struct_pb2 import Struct

from extproc.config import Api

_MAX_TOKENS = 1_000_000_000  # no answer has more; a larger number is an error of the backend

# Bytes of a streamed answer for each of its tokens: roughly the length of an event that carries one. The frame around a
# token is far longer than the token itself, and differs between servers; an estimate made with these says that it is one.
_STREAM_BYTES_PER_TOKEN: dict[str, int] = {Api.CHAT: 230, Api.COMPLETIONS: 210, Api.RESPONSES: 230, Api.MESSAGES: 130}
_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Tokens:
    """Counts of one request. cached + cache_write <= prompt, reasoning <= completion, none negative."""

    prompt: int = 0
    cached: int = 0
    cache_write: int = 0
    completion: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer said of itself; a count it did not say is None."""

    prompt: int | None = None
    cached: int = 0
    cache_write: int = 0
    completion: int | None = None
    reasoning: int = 0
    at_least: int = 0  # completion tokens that the start of a stream already named

    def tokens(self, prompt: int, completion: int) -> Tokens:
        """The counts, with these in place of unsaid ones, held to what is possible."""
        prompt = prompt if self.prompt is None else self.prompt
        completion = completion if self.completion is None else self.completion
        cached = min(self.cached, prompt)
        return Tokens(prompt, cached, min(self.cache_write, prompt - cached), completion, min(self.reasoning, completion))


NO_USAGE = Usage()


def usage_of(metadata: Struct, api: str) -> Usage:
    """The counts in a `tiermesh.usage` metadata object. Anything that is not a plausible count is as if it were absent."""
    counts: dict[str, int] = {}
    for key, value in metadata.fields.items():
        number = value.number_value  # 0.0 when it is not a number
        if 0 <= number <= _MAX_TOKENS and number == int(number) and value.HasField("number_value"):
            counts[key] = int(number)
    if not counts:
        return NO_USAGE
    if "prompt_tokens" in counts and not (api == Api.MESSAGES and "input_tokens" in counts):
        return _openai(counts, counts["prompt_tokens"], _completion(counts, api))
    return _by_input(counts, api)


def _completion(counts: dict[str, int], api: str) -> int | None:
    if api == Api.EMBEDDINGS:
        return 0
    if "completion_tokens" in counts:
        return counts["completion_tokens"]
    total = counts.get("total_tokens", -1)
    return total - counts["prompt_tokens"] if total >= counts["prompt_tokens"] else None


def _openai(counts: dict[str, int], prompt: int, completion: int | None) -> Usage:
    # Some servers of this dialect give cache counts by Anthropic's names; inside the prompt all the same.
    cached = max(counts.get("cached_tokens", 0), counts.get("cache_read_input_tokens", 0))
    return Usage(prompt, cached, counts.get("cache_creation_input_tokens", 0), completion, counts.get("reasoning_tokens", 0))


def _by_input(counts: dict[str, int], api: str) -> Usage:
    fresh = _largest(counts, "input_tokens")
    completion = counts.get("output_tokens")
    if api != Api.MESSAGES and "cached_tokens" in counts and fresh is not None:
        return _openai(counts, fresh, completion)
    read, written = _largest(counts, "cache_read_input_tokens") or 0, _largest(counts, "cache_creation_input_tokens") or 0
    prompt = None if fresh is None else fresh + read + written
    started = counts.get("start_output_tokens", 0)
    if completion is not None:
        completion = max(completion, started)
    return Usage(prompt, read, written, completion, counts.get("reasoning_tokens", 0), started)


def _largest(counts: dict[str, int], key: str) -> int | None:
    later, first = counts.get(key), counts.get("start_" + key)
    return later if first is None else first if later is None else max(later, first)


def estimated_completion(api: str, response_bytes: int, *, is_stream: bool, limit: int | None) -> int:
    """Completion tokens guessed from the size of an answer, no more than the caller's own `limit`."""
    if api == Api.EMBEDDINGS or response_bytes <= 0:
        return 0
    per_token = _STREAM_BYTES_PER_TOKEN.get(api, _BYTES_PER_TOKEN) if is_stream else _BYTES_PER_TOKEN
    guess = max(1, response_bytes // per_token)
    return guess if limit is None else min(guess, max(limit, 0))


def estimated_prompt(request_bytes: int) -> int:
    """Prompt tokens guessed from the size of a request nobody read."""
    return -(-request_bytes // _BYTES_PER_TOKEN)
