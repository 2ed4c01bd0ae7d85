"""What a step of an agent was for, and how badly it ended.

Agents name their tools as they like, and do most of their work in a shell. So the kind of a step is read from the words of the
tool's name, and for a shell from the command. An error counts by where it stands: in what a command says of itself, not in what
a file that was read happens to contain. A log full of exceptions is no failure of the step that shows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from extproc.dialects import Step


class Act(StrEnum):
    """Kinds of steps. A check is a run that says whether the work is right: tests, compilers, linters."""

    READ = "read"
    WRITE = "write"
    RUN = "run"
    CHECK = "check"
    WEB = "web"
    OTHER = "other"


NO_HARM, MILD, BAD, CRITICAL = 0, 1, 2, 4
_COMPLAINT_CHARS = 300


@dataclass(frozen=True, slots=True)
class Deed:
    """A step as it is weighed. `severity` is NO_HARM, MILD, BAD or CRITICAL; `failing` how many tests fail, -1: not said."""

    act: Act
    severity: int
    target: str  # the file it changes, "" for none or unknown
    call: tuple[str, int]  # tool and digest: equal for the same call again
    mark: str  # what the failure looks like, "" for none: equal for the same failure again
    result: tuple[str, str]
    size: int  # characters of the arguments that were kept
    failing: int = -1

    def repeats(self, other: Deed) -> bool:
        """Whether it is the same call with the same outcome, but for its numbers: times and addresses differ between runs."""
        return self.call == other.call and (self.result == other.result or _unnumbered(self.result) == _unnumbered(other.result))


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PLANS = frozenset(("todo", "plan", "think", "memory", "task", "agent", "skill", "question", "completion", "switch"))
_WEBS = frozenset(("web", "webfetch", "websearch", "browser", "browse", "url", "http", "internet"))
_RUNS = frozenset(
    (
        "bash",
        "shell",
        "exec",
        "execute",
        "run",
        "command",
        "terminal",
        "powershell",
        "console",
        "process",
        "stdin",
        "python",
        "test",
        "tests",
    )
)
_WRITES = frozenset(
    ("edit", "multiedit", "write", "create", "replace", "insert", "patch", "apply", "update", "delete", "rename", "move", "append")
) | {"save", "diff", "notebook", "undo", "format"}
_READS = frozenset(
    ("read", "view", "cat", "open", "get", "list", "ls", "glob", "grep", "search", "find", "tree", "fetch", "look", "lookup", "inspect")
) | {"show", "symbols", "references", "definition", "outline"}
_COMMAND = re.compile(r'"(?:command|cmd|script|commands)"\s*:\s*\[?\s*"?(.*)', re.DOTALL)
_SHELL = re.compile(
    r'"?(?:ba|z)?sh"?,\s*"-l?c",\s*"|cd [^&;|]{1,200}(?:&&|;)\s*|[A-Z_]{1,40}=\S{0,80} |sudo |timeout \S{1,20} |(?:npx|uv run|poetry run) '
)
_READING = re.compile(
    r"(?:cat|ls|grep|egrep|rg|find|head|tail|less|more|wc|tree|stat|pwd|which|echo|jq|awk|diff|file|du|type|nl"
    r"|sed\s+-n|git\s+(?:log|show|diff|status|blame|grep|branch))\b"
)
_CHECKING = re.compile(
    r"\b(?:pytest|unittest|tox|nox|jest|vitest|mocha|rspec|phpunit|ctest|mypy|pyright|eslint|tsc|ruff check|flake8|pylint|javac|gcc|clang"
    r"|go (?:test|build|vet)|cargo (?:test|build|check|clippy)|(?:npm|pnpm|yarn|bun)(?: run)? (?:test|build|lint|typecheck)"
    r"|dotnet (?:test|build)|bazel (?:test|build)|make(?: (?:test|check|build|all|lint))?(?=$|[\s\"'&;|])"
    r"|(?:gradlew?|mvn)\b.{0,60}\b(?:test|verify|build|check|compile))(?![\w.])"
)
_CHANGING = re.compile(
    r"\b(?:sed -i|perl -pi|mv|cp|rm|mkdir|git (?:mv|commit|apply|add)|black|isort|prettier|ruff format|gofmt|rustfmt)\s"
    r"|(?<![<>|=&\d-])>>? ?[\w./~]"
)
_TARGET = re.compile(
    r'"(?:file_?[pP]ath|path|target_file|filename|file|notebook_path|relative_path|uri)"\s*:\s*"([^"]{1,300})"'
    r"|\*\*\* (?:Update|Add|Delete) File: (\S{1,300})"
)
_VIEWING = re.compile(r'"command"\s*:\s*"view"')
_EXIT = re.compile(
    r'(?:"exit_?[cC]ode"\s*:\s*|[Ee]xit(?:ed)?(?: with)?(?: (?:code|status))?:?\s+'
    r"|<(?:returncode|exit_code)>\s*|return code:?\s+)(-?\d{1,4})\b"
)
_OPENING = re.compile(
    r"\s*(?:<tool_use_error>|<error>)?\s*(?:error\b|failed\b|exception\b|fatal\b|traceback \(most|ENOENT|EACCES|could not|cannot|unable to"
    r"|no such file|invalid\b|permission denied"
    r"|(?:file|path|old_string|string|text|search block)[^\n]{0,80}(?:not found|does not exist|no match|not unique))",
    re.IGNORECASE,
)
_FAILURE = re.compile(
    r"Traceback \(most recent call last\)|^(?:E   |FAILED |FAIL[: ]|ERROR[: ]|error(?:\[E\d+\]|: |\s+TS\d+)|✗|✕|not ok \d)|: error[: ]"
    r"|\b[1-9]\d{0,5} (?:failed|failing|errors?\b|failures?\b)"
    r"|\b(?:Syntax|Type|Name|Import|Module|Key|Value|Attribute|Reference|Assertion|Runtime)[A-Za-z]{0,20}Error\b|command not found"
    r"|npm ERR!|BUILD FAILED|compilation (?:failed|terminated)|panicked at|FAILURES!",
    re.MULTILINE,
)
_CRITICAL = (
    "segmentation fault",
    "core dumped",
    "out of memory",
    "outofmemory",
    "memoryerror",
    "oom-kill",
    "no space left on device",
    "all goroutines are asleep",
    "maximum recursion depth",
    "stack overflow",
)
_FAILING = re.compile(r"\b(\d{1,5}) (?:failed|failing|failures?|errors?)\b|(?:Failures|[Ff]ailed|Errors): (\d{1,5})")
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?(?:m?s\b)?")


def deed_of(step: Step) -> Deed:
    """The step, weighed."""
    act = _act(step)
    severity = _severity(step, act) if step.is_answered else NO_HARM
    found = _TARGET.search(step.arguments) if act is Act.WRITE else None
    return Deed(
        act=act,
        severity=severity,
        target=(found[1] or found[2]) if found else "",
        call=(step.tool, step.digest),
        mark=_mark(step) if severity else "",
        result=(step.head, step.tail),
        size=len(step.arguments),
        failing=_failing(step) if severity and act is Act.CHECK else -1,
    )


def _act(step: Step) -> Act:
    words = _words(step.tool)
    if words & _PLANS:
        return Act.OTHER
    if words & _WEBS:
        return Act.WEB
    if words & _RUNS:
        return _act_of_command(step.arguments, Act.CHECK if words & {"test", "tests"} else Act.RUN)
    if words & _WRITES:
        # One tool of some agents both shows and edits, and says in its arguments which.
        return Act.READ if words & _READS or _VIEWING.search(step.arguments) else Act.WRITE
    return Act.READ if words & _READS else Act.OTHER


@lru_cache(maxsize=1_024)
def _words(tool: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(tool))


def _act_of_command(arguments: str, otherwise: Act) -> Act:
    found = _COMMAND.search(arguments)
    command = (found[1] if found else arguments).lstrip('"[ ')
    if "*** Begin Patch" in command:
        return Act.WRITE
    while opening := _SHELL.match(command):
        command = command[opening.end() :]
    if _CHECKING.search(command):
        return Act.CHECK
    if _READING.match(command):
        return Act.READ
    return Act.WRITE if _CHANGING.search(command) else otherwise


def _severity(step: Step, act: Act) -> int:
    said = _exit_code(step)
    if act in (Act.READ, Act.OTHER, Act.WEB):
        # What is read may be about errors; only what the tool says of itself is one. A search without a match exits with 1.
        return MILD if step.is_error or said not in (None, 0, 1) or (said is None and _is_complaint(step)) else NO_HARM
    if said == 0:
        return NO_HARM
    is_known = said is not None or step.is_error
    if act is Act.WRITE:
        return MILD if is_known or _OPENING.match(step.head) else NO_HARM
    end = (step.tail or step.head).lower()
    if any(word in end for word in _CRITICAL):
        return CRITICAL
    return BAD if is_known or _looks_failed(step, act) else NO_HARM


def _is_complaint(step: Step) -> bool:
    """Whether the result is a line in which a tool complains, and not something that it was asked to show."""
    return not step.tail and len(step.head) <= _COMPLAINT_CHARS and step.head.count("\n") <= 1 and _OPENING.match(step.head) is not None


def _looks_failed(step: Step, act: Act) -> bool:
    ends = (step.head, step.tail) if act is Act.CHECK else (step.tail or step.head,)
    return _OPENING.match(step.head) is not None or any(_FAILURE.search(end) for end in ends)


def _exit_code(step: Step) -> int | None:
    """The exit code that the harness wrote before or after the output."""
    for end in (step.head[:120], (step.tail or step.head)[-160:]):
        if ("xit" in end or "code" in end) and (found := _EXIT.findall(end)):
            return int(found[-1])
    return None


def _mark(step: Step) -> str:
    """The end of a failure without its numbers, which differ between runs."""
    return _NUMBERS.sub("#", (step.tail or step.head)[-240:]).strip()


def _unnumbered(result: tuple[str, str]) -> tuple[str, str]:
    return _NUMBERS.sub("#", result[0]), _NUMBERS.sub("#", result[1])


def _failing(step: Step) -> int:
    counts = [int(found[0] or found[1]) for found in _FAILING.findall(step.tail or step.head)]
    return max(counts, default=-1)
