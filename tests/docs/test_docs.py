"""What the documentation names is there, and what is there is named in it."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from extproc.cli.main import _parser
from extproc.config import compile_config, parse
from extproc.mesh import names
from extproc.telemetry.instrument import INSTRUMENTS, Instrument
from extproc.telemetry.spans import attributes_of
from extproc.usage import Record

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
SOURCES = sorted(path for path in (ROOT / "extproc").rglob("*.py") if path.name != "envoy_pb2.py")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _blocks(page: Path, *languages: str) -> Iterator[str]:
    yield from (text for language, text in _FENCE.findall(page.read_text()) if language in languages)


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text())


def _section(page: Path, heading: str) -> str:
    """The text from `heading` to the next heading of its level."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^\1 |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{_shown(page)} has no section {heading!r}"
    return found[2]


def _rows(text: str) -> list[list[str]]:
    """The cells of every table in `text`, without the headings."""
    lines = [line.strip().strip("|") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    after_rule = [index for index, row in enumerate(cells) if set("".join(row)) <= set("-| ")]
    return [row for index, row in enumerate(cells) if index not in after_rule and index + 1 not in after_rule]


def _first_names(text: str) -> list[str]:
    """The code at the start of each table row."""
    return [found[1] for row in _rows(text) if (found := _CODE.match(row[0]))]


def _shell_lines() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in _blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.partition(" #")[0].strip()
                if command:
                    yield _shown(page), command


def _commands() -> dict[str, argparse.ArgumentParser]:
    (commands,) = [action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(commands.choices)


def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


# ---- commands ----


def test_the_readme_lists_every_command_and_no_other() -> None:
    listed = [name.split()[1] for name in _first_names(_section(README, "Commands"))]
    assert sorted(listed) == sorted(_commands())


def test_every_shown_tiermesh_command_is_accepted_by_its_parser() -> None:
    shown = [(page, shlex.split(line)) for page, line in _shell_lines() if re.match(r"(\.venv/bin/)?tiermesh ", line)]
    assert len(shown) > 5
    for page, words in shown:
        arguments = words[1 : words.index(">")] if ">" in words else words[1:]
        try:
            _parser().parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{page}: {' '.join(words)}")


def test_every_command_and_option_named_in_running_text_is_there() -> None:
    commands = _commands()
    for page in PAGES:
        for code in _CODE.findall(_prose(page)):
            words = code.split()
            if words[0].endswith("tiermesh") and len(words) > 1 and re.fullmatch(r"[a-z]+", words[1]):
                assert words[1] in commands, f"{_shown(page)}: {code}"
                known = commands[words[1]].format_help()
                assert all(word in known for word in words[2:] if word.startswith("--")), f"{_shown(page)}: {code}"


def test_every_make_target_named_is_in_the_makefile() -> None:
    named = {target for page in PAGES for target in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)}
    assert {"run", "test"} <= named <= _make_targets()


def test_every_module_shown_with_python_m_is_there() -> None:
    modules = {module for page in PAGES for module in re.findall(r"python -m (extproc[\w.]*)", page.read_text())}
    assert modules
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


# ---- configuration ----


@pytest.mark.parametrize("page", PAGES, ids=_shown)
def test_every_whole_configuration_shown_can_be_used(page: Path) -> None:
    for text in _blocks(page, "yaml"):
        if "backends:" in text:
            compile_config(parse(text))


def test_the_readme_shows_the_smallest_configuration_and_it_has_ten_lines() -> None:
    minimal = (ROOT / "extproc" / "config" / "minimal.yaml").read_text()
    assert minimal in list(_blocks(README, "yaml"))
    assert len(minimal.splitlines()) == 10


# ---- telemetry ----

TELEMETRY = DOCS / "telemetry.md"
OPERATIONS = DOCS / "operations.md"


def _pulled_metrics() -> set[str]:
    """Counters and gauges whose value is read when the page is: they are in no table, only where they are made."""
    made = re.findall(r'\b(?:labelled_)?(count|gauge)_from\(\s*"(\w+)"', "\n".join(path.read_text() for path in SOURCES))
    return {name + ("_total" if kind == "count" else "") for kind, name in made}


def test_every_metric_is_documented_and_no_other() -> None:
    exposed = {row.series for row in INSTRUMENTS} | _pulled_metrics()
    assert sorted(_first_names(_section(TELEMETRY, "Metrics"))) == sorted(exposed)


@pytest.mark.parametrize("row", INSTRUMENTS, ids=lambda row: row.series)
def test_a_documented_metric_has_its_kind_labels_and_otlp_name(row: Instrument) -> None:
    documented = {_CODE.findall(cells[0])[0]: cells for cells in _rows(_section(TELEMETRY, "Metrics"))}
    _, name, kind, labels, _ = documented[row.series]
    assert _CODE.findall(name) == [row.name]
    assert kind == ("histogram" if row.bounds else "counter")
    assert tuple(_CODE.findall(labels)) == row.labels


def test_every_metric_named_anywhere_in_the_documentation_is_exposed() -> None:
    exposed = {row.series for row in INSTRUMENTS} | _pulled_metrics()
    words = {word for page in PAGES for word in re.findall(r"\btiermesh_[a-z_]+\b", page.read_text())}
    bare = {re.sub(r"_(bucket|sum|count)$", "", word) for word in words} - {"tiermesh_"}
    over_otlp = {name.removesuffix("_total") for name in _pulled_metrics()}
    assert sorted(bare - exposed - over_otlp) == []


def test_every_field_of_a_log_line_is_documented_in_its_order() -> None:
    line = Record("", "", 0.0, "", "", 0).to_json()
    assert _first_names(_section(TELEMETRY, "Log lines and records")) == ["event", *line]


def _filled() -> Record:
    """A record with something in every field: what is empty is left out of a span."""
    usual: dict[str, object] = {"str": "something", "str | None": "something", "int": 1, "float": 1.0, "float | None": 1.0, "bool": True}
    usual["tuple[str, ...]"] = ("something",)
    values = {field.name: usual[str(field.type)] for field in fields(Record)}
    return Record(**{**values, "outcome": "cut_off", "api": "chat"})  # type: ignore[arg-type]


def test_every_span_attribute_is_documented_and_no_other() -> None:
    assert sorted(_first_names(_section(TELEMETRY, "Spans"))) == sorted(attributes_of(_filled()))


# ---- errors and headers ----


def _codes() -> set[str]:
    text = "\n".join(path.read_text() for path in SOURCES)
    envoys = (ROOT / "extproc" / "mesh" / "replies.py").read_text()
    return {
        *re.findall(r'\bRefusal\(\s*\d{3},\s*"(\w+)"', text),
        *re.findall(r'\bUnreadableError\("(\w+)"', text),
        *re.findall(r'\b_Kind\(.*"(\w+)", (?:"[^"]*"|\w+)(?:, \d{3})?\)', envoys),
    }


def test_every_error_code_is_documented_and_no_other() -> None:
    rows = _rows(_section(OPERATIONS, "Errors callers see"))
    assert {_CODE.findall(row[1])[0] for row in rows} == _codes()


def test_every_header_of_an_answer_is_documented() -> None:
    ours = {names.MODEL_HEADER, names.TIER_HEADER, names.BACKEND_HEADER, names.UPSTREAM_ID_HEADER}
    assert ours <= set(_first_names(_section(DOCS / "quickstart.md", "1. The demo")))


# ---- links ----


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_shown)
def test_links_inside_the_repository_resolve(page: Path) -> None:
    for link in _LINK.findall(_prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in _anchors(target), f"{link}: {_shown(target)} has no such heading"
