"""Text to `Config`, or a `ConfigError` with everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

from extproc.config import check, fields, tree
from extproc.config.place import Finding, dotted
from extproc.config.types import Config
from extproc.errors import ConfigError, Problem


def load(path: Path) -> Config:
    """The configuration in the file at `path`. Raises ConfigError when it cannot be read or used."""
    return parse(read(path))


def read(path: Path) -> str:
    """The text of the file at `path`. Raises ConfigError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError((Problem("", f"{path} cannot be read: {error.strerror or error}"),)) from error
    except UnicodeDecodeError as error:
        raise ConfigError((Problem("", f"{path} is not UTF-8 text (byte {error.start})"),)) from error


def parse(text: str) -> Config:
    """The configuration that `text` says. Raises ConfigError with all problems, in the order of the file."""
    yaml_tree = tree.read(text)
    if yaml_tree.data is None:
        raise _error(yaml_tree, yaml_tree.findings)
    broken = {finding.place for finding in yaml_tree.findings}
    draft = fields.read(yaml_tree.data)
    found = [*yaml_tree.findings, *(finding for finding in draft.findings if finding.place not in broken)]
    if draft.config is not None:
        broken |= draft.broken
        found += [finding for finding in check.findings(draft.config) if not finding.rests_on(broken)]
    if found or draft.config is None:
        raise _error(yaml_tree, tuple(found))
    return settled(draft.config)


def settled(config: Config) -> Config:
    """`config` with the defaults that depend on the rest: nothing to fail open to means failing closed."""
    if check.on_prem(config) or "on_failure" in config.processor.model_fields_set:
        return config
    return config.model_copy(update={"processor": config.processor.model_copy(update={"on_failure": "closed"})})


def _error(yaml_tree: tree.Tree, findings: tuple[Finding, ...]) -> ConfigError:
    placed = sorted(((yaml_tree.line(finding.place) or 0, finding) for finding in findings), key=lambda pair: pair[0])
    return ConfigError(tuple(Problem(dotted(finding.place), _with_line(finding.message, line)) for line, finding in placed))


def _with_line(message: str, line: int) -> str:
    return f"{message} (line {line})" if line and "(line " not in message else message
