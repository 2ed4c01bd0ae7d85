"""Live reload: what is taken up, what is kept, what waits for a restart; and how files change under us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from extproc.config import ConfigWatcher, Policy, Reload, chain_name, clusters_needed, loaded, parse, restart_needed
from extproc.config.watch import reload

BASE = """
backends:
  local: {url: http://127.0.0.1:8000, model: qwen, tier: simple, location: on_prem, price: {input: 1}}
  cloud: {url: https://llm.example, model: big, tier: complex, price: {input: 5}}
tiers: {simple: {up_to: 0.5}, complex: {}}
"""
ADDED = BASE.replace("tiers:", "  more: {url: http://127.0.0.1:8001, model: m, tier: simple, location: on_prem}\ntiers:")


def prices(policy: Policy) -> dict[str, int]:
    return {name: backend.tariff.at(0).input // 1_000_000 for name, backend in policy.backends.items()}


def after(text: str, started: str = BASE) -> Reload:
    start = loaded(parse(started))
    return reload(start, start, text)


def test_what_only_decisions_read_is_taken_up_at_once() -> None:
    text = (
        BASE.replace("input: 5", "input: 7").replace("up_to: 0.5", "up_to: 0.6")
        + "identity: {organisation: acme}\nprocessor: {decision_timeout_s: 0.2}"
    )
    outcome = after(text)
    assert outcome.was_applied
    assert outcome.restart == ()
    assert outcome.loaded == loaded(parse(text))


def test_a_bad_file_keeps_the_old_and_says_all_that_is_wrong() -> None:
    outcome = after(BASE.replace("tier: simple", "tier: simpel").replace("up_to", "upto"))
    assert outcome.loaded == loaded(parse(BASE))
    assert [problem.path for problem in outcome.problems] == ["backends.local.tier", "tiers.simple.upto"]


@pytest.mark.parametrize(
    ("old", "new", "restart"),
    [
        ("tiers:", "listener: {port: 8090, max_body_bytes: 100000}\ntiers:", ("listener.port", "listener.max_body_bytes")),
        ("tiers:", "processor: {workers: 3, on_failure: closed}\ntiers:", ("processor.workers", "processor.on_failure")),
        ("tiers:", "telemetry: {log: none}\nstore: {url: none}\ntiers:", ("telemetry.log", "store.url")),
        ("tiers:", "classifier: {path: /m, default_score: 0.5}\ntiers:", ("classifier.path",)),
        ("https://llm.example", "https://llm.other", ("backends.cloud.url",)),
        ("price: {input: 5}", "credential: {file: /k}", ("backends.cloud.credential",)),
        ("price: {input: 5}", "answer_timeout_s: 9", ("backends.cloud.answer_timeout_s",)),
        ("location: on_prem", "location: cloud", ("processor.on_failure", "backends.local.location", "residency")),
        ("tiers:", "identity: {headers: {team: x-team}, trusted_peers: [any]}\ntiers:", ("identity.headers", "identity.trusted_peers")),
        ("tiers:", "access: {a: {scope: acme, tiers: [simple]}}\ntiers:", ("access",)),
        ("tiers:", f"identity: {{keys: [{{sha256: {'0f' * 32}, scope: acme}}]}}\ntiers:", ("identity.keys",)),
        ("tiers:", "listener: {tls: {certificate_file: /c, key_file: /k}}\ntiers:", ("listener.tls",)),
    ],
)
def test_what_envoy_or_the_start_has_read_is_reported(old: str, new: str, restart: tuple[str, ...]) -> None:
    text = BASE.replace(old, new)
    assert restart_needed(parse(BASE), parse(text)) == restart
    assert after(text).restart == restart


def test_the_rest_of_such_a_change_is_taken_up() -> None:
    outcome = after(BASE.replace("input: 5", "input: 7") + "listener: {max_body_bytes: 100000}\nclassifier: {default_score: 0.25}")
    assert outcome.was_applied
    assert outcome.loaded.policy.max_body_bytes == 32 * 1024 * 1024
    assert (prices(outcome.loaded.policy), outcome.loaded.policy.default_score) == ({"local": 1, "cloud": 7}, 0.25)


CALLERS = BASE + f"identity: {{unknown: refuse, keys: [{{sha256: {'0f' * 32}, scope: acme}}]}}\n"


def test_keys_and_access_rules_are_taken_up_at_once() -> None:
    text = CALLERS.replace("0f", "1e").replace("refuse", "guests") + "access: {a: {scope: acme, tiers: [simple]}}\n"
    outcome = after(text, CALLERS)
    assert (outcome.was_applied, outcome.restart) == (True, ())
    assert outcome.loaded == loaded(parse(text))
    assert [rule.name for rule in outcome.loaded.policy.access.rules] == ["a"]


def test_where_callers_are_looked_for_changes_with_a_restart() -> None:
    text = CALLERS.replace("unknown:", "mesh: {pattern: 'spiffe://a/{app}'}, unknown:")
    outcome = after(text, CALLERS)
    assert outcome.restart == ("identity.mesh",)
    assert outcome.loaded.policy.identity == loaded(parse(CALLERS)).policy.identity


def test_a_backend_that_moved_stays_whole_until_a_restart() -> None:
    outcome = after(BASE.replace("https://llm.example, model: big", "https://llm.other, model: bigger").replace("input: 1", "input: 2"))
    assert outcome.restart == ("backends.cloud.url",)
    assert outcome.loaded.policy.backends["cloud"].model == "big"
    assert prices(outcome.loaded.policy) == {"local": 2, "cloud": 5}


def test_a_backend_that_left_is_no_longer_chosen() -> None:
    outcome = after(BASE, started=ADDED)
    assert outcome.restart == ("backends.more",)
    assert [chain_name(tier.chain) for tier in outcome.loaded.policy.tiers] == ["local+cloud", "cloud+local"]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (ADDED, "cloud+local+more, cloud+more, local+more and 5 more"),
        (BASE.replace("cloud: {url", "bigger: {url"), "bigger, bigger+local, local+bigger"),
    ],
    ids=["added", "renamed"],
)
def test_a_chain_that_envoy_lacks_keeps_the_old_configuration_whole(text: str, missing: str) -> None:
    outcome = after(text.replace("input: 1", "input: 9"))
    assert outcome.loaded == loaded(parse(BASE))
    assert [str(problem) for problem in outcome.problems] == [
        f"is sound, but what runs cannot follow before a restart: Envoy has no chain for {missing}"
    ]


def test_another_order_of_a_chain_is_another_chain() -> None:
    swapped = BASE.replace("complex: {}", "complex: {chain: [cloud]}")
    assert after(swapped).was_applied, "fewer members are among the chains that there are"
    assert not after(BASE, started=swapped.replace("up_to: 0.5", "up_to: 0.5, chain: [local]")).was_applied


def test_what_stays_may_contradict_what_changed_and_then_nothing_changes() -> None:
    outcome = after(
        BASE.replace("cloud:", "other:").replace("tiers:", "listener: {port: 1}\ntiers:"), started=BASE + "listener: {other_paths: cloud}"
    )
    assert not outcome.was_applied
    assert "listener.other_paths: no backend is called `cloud`" in str(outcome.problems[0])
    assert outcome.restart == ("listener.port", "listener.other_paths", "backends.other", "backends.cloud")


def test_chains_needed_are_all_that_leaving_members_out_and_moving_one_to_the_front_can_give() -> None:
    policy = loaded(parse(BASE.replace("complex: {}", "complex: {chain: [cloud]}"))).policy
    assert clusters_needed(policy) == {"local", "cloud", "local+cloud"}
    four = "\n".join(f"  b{n}: {{url: 'http://127.0.0.1:{7000 + n}', model: m{n}, tier: t, location: on_prem}}" for n in range(4))
    assert len(clusters_needed(loaded(parse(f"backends:\n{four}\ntiers: {{t: {{}}}}")).policy)) == 32


# The watcher, on real files.


class Watched:
    """A watcher with what it told."""

    def __init__(self, path: Path, text: str = BASE) -> None:
        self.told: list[Reload] = []
        self.watcher = ConfigWatcher(path, loaded(parse(text)), self.told.append)

    def looks(self, times: int) -> list[Reload]:
        self.told.clear()
        for _ in range(times):
            self.watcher.look()
        return list(self.told)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "tiermesh.yaml"
    file.write_text(BASE)
    return file


def in_place(file: Path, text: str) -> None:
    file.write_text(text)


def by_rename(file: Path, text: str) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(text)
    beside.replace(file)


def by_removal(file: Path, text: str) -> None:
    file.unlink()
    file.write_text(text)


@pytest.mark.parametrize("write", [in_place, by_rename, by_removal])
def test_a_change_is_taken_up_however_it_was_written(file: Path, write: Callable[[Path, str], None]) -> None:
    watched = Watched(file)
    assert watched.looks(3) == []
    write(file, BASE.replace("input: 5", "input: 6"))
    assert [outcome.was_applied for outcome in watched.looks(3)] == [True]
    assert prices(watched.watcher.current.policy)["cloud"] == 6


def test_a_swap_of_symbolic_links_is_a_change(tmp_path: Path) -> None:
    for version, text in (("v1", BASE), ("v2", BASE.replace("input: 5", "input: 6"))):
        (tmp_path / version).mkdir()
        (tmp_path / version / "tiermesh.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "tiermesh.yaml").symlink_to("..data/tiermesh.yaml")
    watched = Watched(tmp_path / "tiermesh.yaml")
    assert watched.looks(2) == []
    (tmp_path / "..data.new").symlink_to("v2")
    (tmp_path / "..data.new").replace(tmp_path / "..data")
    assert len(watched.looks(3)) == 1
    assert prices(watched.watcher.current.policy)["cloud"] == 6


def test_a_file_that_is_being_written_is_left_alone(file: Path) -> None:
    watched = Watched(file)
    for end in range(0, len(BASE), 40):
        file.write_text(BASE[:end])
        assert watched.looks(1) == []
    file.write_text(BASE + "identity: {organisation: acme}\n")
    assert [outcome.was_applied for outcome in watched.looks(2)] == [True]


def test_a_bad_file_is_told_once_and_its_repair_too(file: Path) -> None:
    watched = Watched(file)
    file.write_text("backends: 3")
    assert [outcome.was_applied for outcome in watched.looks(4)] == [False]
    file.write_text("backends: 3 # as bad as before")
    assert watched.looks(4) == []
    file.write_text(BASE)
    assert [outcome.was_applied for outcome in watched.looks(4)] == [True]
    assert watched.watcher.current == loaded(parse(BASE))


def test_a_file_that_vanished_changes_nothing(file: Path) -> None:
    watched = Watched(file)
    file.unlink()
    told = watched.looks(3)
    assert [outcome.was_applied for outcome in told] == [False]
    assert "cannot be read" in str(told[0].problems[0])
    assert watched.watcher.current == loaded(parse(BASE))


def test_a_comment_is_no_news(file: Path) -> None:
    watched = Watched(file)
    file.write_text("# hello\n" + BASE)
    assert watched.looks(3) == []


def test_a_change_between_the_start_and_the_first_look_is_seen(file: Path) -> None:
    file.write_text(BASE.replace("input: 5", "input: 6"))
    assert len(Watched(file).looks(2)) == 1


async def test_it_looks_every_second_until_cancelled(file: Path) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            in_place(file, BASE.replace("input: 5", "input: 6"))
        if len(slept) == 5:
            raise asyncio.CancelledError

    told: list[Reload] = []
    watcher = ConfigWatcher(file, loaded(parse(BASE)), told.append, sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await watcher.run()
    assert slept == [1.0] * 5
    assert [prices(outcome.loaded.policy)["cloud"] for outcome in told] == [6]
