"""Whatever the text says, it is a configuration or a ConfigError with problems to show."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extproc import config
from extproc.config import ConfigError, Problem, clusters_needed, compile_config, parse, warnings
from extproc.config.types import Config

FULL = yaml.safe_load((Path(config.__file__).parent / "example.yaml").read_text())
WORDS = sorted({word for word in json.dumps(Config.model_json_schema()).split('"') if word.isidentifier()})

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(WORDS) | st.dates()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8) | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def problems(text: str) -> tuple[Problem, ...]:
    try:
        read = parse(text)
    except ConfigError as error:
        return error.problems or (Problem("", ""),)
    assert len(compile_config(read).tiers) == len(read.tiers)
    assert clusters_needed(compile_config(read))
    warnings(read)
    return ()


def only_a_config_error(text: str) -> None:
    assert all(problem.message and str(problem).isprintable() for problem in problems(text))


@quick
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    only_a_config_error(text)


@quick
@given(st.text(alphabet="abc:-[]{}&*!|>'\"#%@,? \n\t017.e~<=", max_size=80))
def test_any_punctuation_is_read_or_refused(text: str) -> None:
    only_a_config_error(text)


@quick
@given(values)
def test_any_yaml_is_read_or_refused(value: Any) -> None:
    only_a_config_error(yaml.safe_dump(value, allow_unicode=True))


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, inner in entries for found in places(inner, (*place, key)))]


@quick
@given(st.sampled_from([place for place in places(FULL) if place]), values)
def test_a_sound_file_with_anything_in_one_place_is_read_or_refused(place: tuple[Any, ...], value: Any) -> None:
    changed = copy.deepcopy(FULL)
    around = changed
    for key in place[:-1]:
        around = around[key]
    around[place[-1]] = value
    only_a_config_error(yaml.safe_dump(changed, allow_unicode=True, sort_keys=False))


@pytest.mark.parametrize("place", [place for place in places(FULL) if place], ids=str)
def test_a_sound_file_without_any_one_thing_is_read_or_refused(place: tuple[Any, ...]) -> None:
    changed = copy.deepcopy(FULL)
    around = changed
    for key in place[:-1]:
        around = around[key]
    del around[place[-1]]
    only_a_config_error(yaml.safe_dump(changed, sort_keys=False))
