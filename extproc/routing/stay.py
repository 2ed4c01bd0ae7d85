"""What binds a conversation to where it was: what a provider keeps of it, and the price of reading it anew.

Providers keep the beginning of a prompt for some minutes and charge a tenth for reading it again. A router that picks a tier
for each turn pays for the whole history whenever it moves, and moves back; so a conversation stays unless a turn needs more, or
a cheaper backend is cheaper even though it has to read everything once.

That is weighed over the requests that a user's turn is expected to take: in an agent's loop there are a dozen of them, the first
of which pays for all. How many is what this conversation's turns have taken so far.
"""

from __future__ import annotations

from extproc.config import Backend, Policy
from extproc.routing.fit import Demand, misfit
from extproc.routing.view import View
from extproc.usage import Tokens, cost_micro_usd


def pinned(policy: Policy, demand: Demand, view: View) -> tuple[Backend | None, tuple[str, ...]]:
    """The backend that keeps what this request refers to, and why; None where nothing is kept, or that backend may not have it."""
    if not view.pins:
        return None, ()
    words = "+".join(view.pins)
    backend = policy.backends.get(view.past.backend)
    if backend is None:
        return None, (f"pin:{words}?unknown",)  # the conversation began elsewhere, or was forgotten
    reason = misfit(backend, demand)
    if reason:
        return None, (f"pin:{words}!{backend.name}!{reason}",)
    return backend, (f"pin:{words}",)


def is_warm(policy: Policy, view: View) -> bool:
    """Whether its last backend is taken to keep the beginning of the prompt."""
    return view.past.at_s > 0 and view.now_s - view.past.at_s <= policy.routing.warm_s


def staying_micro_usd(policy: Policy, demand: Demand, view: View, backend: Backend) -> int:
    """What this user's turn costs where the conversation is, which has read most of it before."""
    read_before = min(view.past.prompt_tokens, demand.prompt_tokens) if is_warm(policy, view) else 0
    return _turn_micro_usd(demand, view, backend, read_before)


def moving_micro_usd(demand: Demand, view: View, backend: Backend) -> int:
    """What this user's turn costs at a backend that reads all of it for the first time."""
    return _turn_micro_usd(demand, view, backend, 0)


def _turn_micro_usd(demand: Demand, view: View, backend: Backend, read_before: int) -> int:
    """The request at hand, and those that are expected to follow while its prompt is still kept."""
    price, answer = backend.tariff.at(view.now_s), _answer(demand, view)
    first = cost_micro_usd(price, Tokens(prompt=demand.prompt_tokens, cached=read_before, completion=answer))
    later = cost_micro_usd(price, Tokens(prompt=demand.prompt_tokens, cached=demand.prompt_tokens, completion=answer))
    return first + (view.turns_ahead - 1) * later


def _answer(demand: Demand, view: View) -> int:
    return view.output_tokens if demand.max_output_tokens is None else min(view.output_tokens, demand.max_output_tokens)
