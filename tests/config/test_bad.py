"""Every file in `bad/` is refused with exactly the problems that its last lines expect."""

from __future__ import annotations

from pathlib import Path

import pytest

from extproc.config import ConfigError, load, parse

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
EXPECT = "# expect: "


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_bad_file_is_refused_with_all_its_problems(file: Path) -> None:
    expected = [line.removeprefix(EXPECT) for line in file.read_text().splitlines() if line.startswith(EXPECT)]
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert [str(problem) for problem in caught.value.problems] == expected
    assert expected, "a bad file says what is wrong with it"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"backends: \xff", "is not UTF-8 text (byte 10)"),
        (b"backends: \x00", "is not YAML: control characters are not allowed"),
        (b"[" * 40, "is nested deeper than 32 levels"),
        (b"a: 1\n" * 250_000, "is longer than 1000000 characters"),
        (b"\xef\xbb\xbf", "is empty; `backends` is needed at least"),
        (b"~", "is empty; `backends` is needed at least"),
    ],
    ids=["latin", "control", "deep", "long", "only a byte order mark", "null"],
)
def test_a_file_that_is_no_configuration_at_all_is_refused(tmp_path: Path, raw: bytes, expected: str) -> None:
    file = tmp_path / "tiermesh.yaml"
    file.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert [str(problem).removeprefix(f"{file} ") for problem in caught.value.problems] == [expected]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "absent.yaml"
    with pytest.raises(ConfigError, match=r"absent\.yaml cannot be read: No such file"):
        load(file)


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ConfigError, match="more in it than any configuration"):
        parse("\n".join(lines))


def test_an_alias_of_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match="more in it than any configuration"):
        parse("backends: &loop {local: *loop}")


def test_text_with_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ConfigError, match="not Unicode"):
        parse("a: \ud800")


def test_a_long_value_is_shown_short() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("backends: {local: {url: http://127.0.0.1:1, model: m, tier: simple, location: " + "x" * 10_000 + "}}")
    assert len(str(caught.value)) < 300
