"""How far a choice is followed: for all requests, for a share of conversations, or only on the record."""

from __future__ import annotations

from extproc.config import Policy
from extproc.config.routing import RoutingMode
from extproc.routing.equals import share_of
from extproc.routing.view import View


def mode_of(policy: Policy, view: View) -> tuple[RoutingMode, bool]:
    """The mode that holds for a request, and whether its choice is followed."""
    rule = next((rule for rule in view.rules if rule.mode is not None), None)
    mode = policy.routing.mode if rule is None or rule.mode is None else rule.mode
    if mode is not RoutingMode.CANARY:
        return mode, mode is RoutingMode.ENFORCE
    percent = rule.canary_percent if rule is not None else policy.routing.canary_percent
    # Other digits of the digest than weights are drawn by, so that a canary is no sample of one backend's share.
    return mode, share_of(view.session[13:26]) * 100 < percent
