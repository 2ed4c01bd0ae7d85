"""The errors TierMesh raises.

    TierMeshError
    ├── ConfigError      tiermesh.yaml cannot be used; carries every problem at once
    ├── ModelError       the classifier's files are missing, altered or not of the documented shape
    ├── ProtocolError    the peer broke HTTP/2, gRPC or the ext_proc contract: close the stream, count it
    ├── StartError       something the process needs to start is missing or taken (a port, a binary, a socket)
    └── StoreError       the store did not do what it was asked; carries whether it may have done it all the same

What goes wrong on the request path is not raised: a bad request is a `dialects.Refusal`, an absent score or store is a
value, so that failing open or closed is visible where it is decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class TierMeshError(Exception):
    """Any error of ours."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a configuration: where (`backends.local.url`) and what was expected."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(TierMeshError):
    """A configuration with all that is wrong with it, in `problems`."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class ModelError(TierMeshError):
    """The classifier cannot be loaded as asked."""


class ProtocolError(TierMeshError):
    """The peer broke the protocol."""


class StartError(TierMeshError):
    """The process cannot start; the message says what to do about it."""


StoreReason = Literal["away", "busy", "lost", "refused", "timeout"]


class StoreError(TierMeshError):
    """The store did not answer, or said no. `reason` is one of few, fit for a metric's label:

    `away` nothing was sent, there is no connection; `busy` nothing was sent, too much waits already; `timeout` sent, and no
    answer in time; `lost` sent, and the connection broke; `refused` answered with an error whose first word is `code`. A script
    that the server refused in the middle keeps what it had written.
    """

    def __init__(self, reason: StoreReason, detail: str = "", *, code: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: StoreReason = reason
        self.code = code

    @property
    def may_have_run(self) -> bool:
        """Whether the server may have carried out what it was asked, now or later: its fate is unknown."""
        return self.reason in ("timeout", "lost")
