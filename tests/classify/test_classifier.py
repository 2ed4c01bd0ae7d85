"""The shipped model loads, is pinned, answers the same each time, and is right about what is plain."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.classify import DEFAULT_DIRECTORY, Classifier, Verdict
from extproc.classify.window import Prompt, Said
from extproc.errors import ModelError
from extproc.testing import write_model

MODEL = Classifier.load()

TRIVIAL = [
    "hello",
    "What is the capital of Denmark?",
    "Translate to Portuguese: Good evening.",
    'Sentiment, one word: "the soup was cold"',
    "thank you!",
    "Write in capitals: closed today",
    "Sort these words: pear, fig, kiwi",
    "Which day comes after Monday?",
    "Extract the order number: my order 8812 is late",
    "Was ist die Hauptstadt von Ungarn?",
    "Traduis en anglais : le musée est fermé",
    "翻译成英文: 谢谢你",
]
HARD = [
    "Prove that every prime p congruent to 1 modulo 4 is a sum of two squares.",
    "Design a distributed ledger that stays linearizable when a region is lost, and argue why no write can be lost.",
    "Our consumer deadlocks under load about once a day. Diagnose the race from these stack traces and prove the fix.",
    "Implement a lock-free hash map in C++ with safe memory reclamation and explain the memory ordering.",
    "Beweise, dass jede beschränkte Folge eine konvergente Teilfolge hat, und verallgemeinere.",
    "Derive the asymptotic variance of the two-stage estimator when the first stage is misspecified.",
    "Plan the migration of our payment system over four quarters with risks, dependencies and rollback.",
    "设计一个跨区域的分布式数据库\uff0c保证线性一致性\uff0c并分析故障情况。",
]


def copy_of_the_model(to: Path) -> Path:
    shutil.copytree(DEFAULT_DIRECTORY, to)
    return to


def restated(directory: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The model in `directory` with `change` made to its manifest."""
    path = directory / "model.json"
    stated = json.loads(path.read_text())
    change(stated)
    path.write_text(json.dumps(stated))
    return directory


@pytest.mark.parametrize("prompt", TRIVIAL)
def test_trivial_prompts_score_low(prompt: str) -> None:
    assert MODEL.classify_text(prompt).score <= 0.35


@pytest.mark.parametrize("prompt", HARD)
def test_plainly_hard_prompts_score_high(prompt: str) -> None:
    assert MODEL.classify_text(prompt).score > 0.6


def test_harder_tasks_about_the_same_subject_score_higher() -> None:
    ladder = [
        "What is a prime number?",
        "Explain how to test whether a number is prime, with a short Python function.",
        "Prove that there are infinitely many primes congruent to 3 modulo 4.",
    ]
    scores = [MODEL.classify_text(prompt).score for prompt in ladder]
    assert scores == sorted(scores)


def test_the_instruction_counts_more_than_the_length_of_what_it_is_about() -> None:
    letter = "Dear all, the lift is closed on 14 March from eight to five. Deliveries go through gate two. " * 40
    trivial = MODEL.classify_text(f"Which language is this written in?\n\n{letter}").score
    hard = MODEL.classify_text(f"Find the root cause, weigh the hypotheses and design an experiment that separates them.\n\n{letter}").score
    assert trivial < 0.35
    assert hard > 0.6


def test_a_verdict_is_a_distribution_a_score_and_a_known_task() -> None:
    verdict = MODEL.classify_text("Summarise the minutes in five points.")
    assert verdict.p_simple + verdict.p_standard + verdict.p_complex == pytest.approx(1, abs=1e-4)
    assert 0 <= verdict.score <= 1
    assert verdict.task in MODEL.manifest.tasks


def test_the_same_request_gets_the_same_verdict_from_another_instance() -> None:
    prompts = [*TRIVIAL, *HARD, "", "x" * 10_000]
    other = Classifier.load()
    assert [MODEL.classify_text(prompt) for prompt in prompts] == [other.classify_text(prompt) for prompt in prompts]


@pytest.mark.parametrize("prompt", [*TRIVIAL[1:4], *TRIVIAL[6:9], *HARD])
def test_manners_case_and_spacing_change_nothing(prompt: str) -> None:
    verdict = MODEL.classify_text(prompt)
    spaced = f"  {prompt} \n\n".replace(" ", "   ")
    for said in (f"Please: {prompt}", f"Hello! Could you {prompt}", f"{prompt}\nThanks a lot!", prompt.upper(), spaced):
        assert MODEL.classify_text(said).score == pytest.approx(verdict.score, abs=0.02)


def test_a_system_prompt_from_elsewhere_moves_no_plain_request_by_two_tiers() -> None:
    system = "You are a world-class expert in distributed systems, mathematics and law. Reason rigorously. Follow every rule. " * 12
    for prompt in TRIVIAL:
        assert MODEL.classify(Prompt(prompt, system, (Said("user", prompt),))).score <= 0.7
    for prompt in HARD:
        assert MODEL.classify(Prompt(prompt, "You answer briefly.", (Said("user", prompt),))).score > 0.35


def test_what_suffices_follows_from_the_tiers() -> None:
    verdict = MODEL.classify_text("Summarise the minutes in five points.")
    assert verdict.p_small_suffices <= verdict.p_middle_suffices <= 1 + 1e-6
    assert verdict.confidence == max(verdict.p_simple, verdict.p_standard, verdict.p_complex)
    assert 0 < verdict.p_task <= 1


def test_case_and_digits_change_nothing() -> None:
    assert MODEL.classify_text("Refund ORDER 4471 now") == MODEL.classify_text("refund order 9023 now")


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec=None), max_size=3000), st.text(st.characters(codec=None), max_size=300))
def test_any_text_gets_a_verdict(ask: str, other: str) -> None:
    turns = (Said("user", other), Said("assistant", other, 1), Said("tool", other), Said("user", ask), Said("tool", other))
    verdict = MODEL.classify(Prompt(ask, other, turns, 3, 400))
    assert isinstance(verdict, Verdict)
    assert 0 <= verdict.score <= 1


@pytest.mark.parametrize(
    "ask", ["", "\ud800", "\x00", "\udfff" * 3000, "漢" * 9000, "\ufdfa" * 3000, "a" * 100_000, "\n" * 5000, "😀" * 3000]
)
def test_odd_texts_get_a_verdict(ask: str) -> None:
    assert 0 <= MODEL.classify_text(ask).score <= 1


def test_a_request_without_turns_gets_a_verdict() -> None:
    assert MODEL.classify(Prompt("")).task in MODEL.manifest.tasks


def test_the_pin_of_a_model_is_the_digest_of_its_manifest() -> None:
    pin = hashlib.sha256((DEFAULT_DIRECTORY / "model.json").read_bytes()).hexdigest()
    assert Classifier.load(DEFAULT_DIRECTORY, pin.upper()).manifest.revision == pin


def test_another_pin_is_refused() -> None:
    with pytest.raises(ModelError, match="pinned"):
        Classifier.load(DEFAULT_DIRECTORY, "0" * 64)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_an_altered_file_is_refused(tmp_path: Path, name: str) -> None:
    path = copy_of_the_model(tmp_path / "m") / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelError, match="sha256"):
        Classifier.load(path.parent)


@pytest.mark.parametrize("name", ["model.json", "model.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    directory = copy_of_the_model(tmp_path / "m")
    (directory / name).unlink()
    with pytest.raises(ModelError, match=name):
        Classifier.load(directory)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda stated: stated.update(format=1), "format"),
        (lambda stated: stated.update(features=["no_such"]), "unknown features: no_such"),
        (lambda stated: stated.update(features=stated["features"][:3]), "features is"),
        (lambda stated: stated.update(tasks=["one"]), "verdict is"),
        (lambda stated: stated.pop("window"), "not a manifest"),
        (lambda stated: stated.update(files={}), "not a manifest"),
        (lambda stated: stated.update(window={"no_such": 1}), "not a manifest"),
    ],
)
def test_a_manifest_that_does_not_fit_the_network_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    with pytest.raises(ModelError, match=complaint):
        Classifier.load(restated(copy_of_the_model(tmp_path / "m"), change))


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_pinned_file_of_rubbish_is_refused(tmp_path: Path, name: str) -> None:
    directory = copy_of_the_model(tmp_path / "m")
    (directory / name).write_bytes(b"{}")
    restated(directory, lambda stated: stated["files"].update({name: hashlib.sha256(b"{}").hexdigest()}))
    with pytest.raises(ModelError, match=name):
        Classifier.load(directory)


def test_a_manifest_that_is_not_json_is_refused(tmp_path: Path) -> None:
    directory = copy_of_the_model(tmp_path / "m")
    (directory / "model.json").write_bytes(b"\xff{")
    with pytest.raises(ModelError, match="not a manifest"):
        Classifier.load(directory)


def test_what_was_read_can_be_seen() -> None:
    seen, verdict = MODEL.explain(Prompt("Hello! Shut THE door", turns=(Said("user", "Hello! Shut THE door"),)))
    assert seen.ask == "shut the door"
    assert verdict == MODEL.classify_text("Hello! Shut THE door")


def test_each_token_counts_in_its_own_piece(tmp_path: Path) -> None:
    by_word = Classifier.load(write_model(tmp_path / "m", {"otter": 0.25, "heron": 0.75}))
    turns = (Said("user", "heron"), Said("assistant", "heron"), Said("user", "an otter!"))
    assert by_word.classify(Prompt("an otter!", "heron", turns)).score == 0.25
    assert by_word.classify_text("a lamp").score == 0


def test_the_model_is_small() -> None:
    assert sum(path.stat().st_size for path in DEFAULT_DIRECTORY.iterdir()) <= 12_000_000
