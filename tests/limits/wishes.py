"""Limits and requests as anybody might have them, small enough that they meet."""

from __future__ import annotations

from hypothesis import strategies as st

from extproc.config import Limit
from extproc.config.limits import Measure, Per
from extproc.scope import ANY, scope_of
from tests.limits.worker import Wish

ORGANISATIONS = st.sampled_from(("acme", "", scope_of(["a/b{c}|d\ne"])[0], "x" * 64))
LEVELS = (("d1", "t1", "a1", "u1"), ("d1", "t1", "a2", ""), ("d1", "t2", "a1", "u1"), ("", "t1", "a1", "u2"), ("d2", "", "", ""))
_PATTERNS = ((ANY,), (ANY, "d1"), (ANY, ANY), (ANY, ANY, ANY), (ANY, ANY, "t1", ANY), (ANY, ANY, ANY, ANY, ANY))

_RATED = (Per.SECOND, Per.MINUTE)
_WINDOWS = (Per.HOUR, Per.DAY, Per.WEEK, Per.MONTH)
_AMOUNTS = {
    Measure.USD: (0, 1, 1_000, 2_500, 10_000),
    Measure.REQUESTS: (0, 1, 2, 3, 7),
    Measure.INPUT_TOKENS: (0, 100, 250, 700),
    Measure.OUTPUT_TOKENS: (0, 50, 130),
    Measure.TOKENS: (0, 150, 700, 2_000),
    Measure.IN_FLIGHT: (0, 1, 2, 4),
}


@st.composite
def _limit(draw: st.DrawFn, place: int) -> Limit:
    of = draw(st.sampled_from(Measure))
    pers = (None,) if of is Measure.IN_FLIGHT else _WINDOWS if of is Measure.USD else (*_RATED, *_WINDOWS)
    per = draw(st.sampled_from(pers))
    amount = draw(st.sampled_from(_AMOUNTS[of]))
    if per in _RATED:
        amount = max(amount, 1)
    return Limit(
        name=f"limit-{place}",
        pattern=draw(st.sampled_from(_PATTERNS)),
        of=of,
        amount=amount,
        per=per,
        burst=draw(st.sampled_from((1, amount, 3 * amount))) if per in _RATED else amount,
        timezone=draw(st.sampled_from(("UTC", "Europe/Berlin", "Asia/Kolkata"))),
        is_enforced=draw(st.sampled_from((True, True, True, False))),
        thresholds=draw(st.sampled_from(((), (50, 80, 95), (1, 100)))),
        downgrade_at=draw(st.sampled_from((0, 0, 1, 50, 100))),
        downgrade_rank=draw(st.sampled_from((0, 1))),
    )


LIMITS = st.integers(0, 5).flatmap(lambda count: st.tuples(*(_limit(place) for place in range(count))))

_tokens = st.sampled_from((0, 1, 50, 100, 300))
_cost = st.sampled_from((0, 0, 1, 300, 1_000, 4_000))
WISHES = st.builds(
    Wish,
    scope=st.sampled_from(LEVELS).map(lambda levels: ("", *levels)),
    prompt=_tokens,
    output=_tokens,
    cost=_cost,
    used_prompt=_tokens,
    used_output=_tokens,
    used_cost=_cost,
    outcome=st.sampled_from(("ok", "ok", "failed", "aborted", "cut_off")),
)
