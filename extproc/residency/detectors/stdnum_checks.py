"""python-stdnum's validators by name, imported when the first candidate asks for one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module


@cache
def _validator(module: str) -> Callable[[str], bool]:
    is_valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return is_valid


def is_valid(module: str, number: str) -> bool:
    """Whether `number` is valid by `stdnum.<module>`. False for text beyond ASCII, which the validators do not expect."""
    return number.isascii() and _validator(module)(number)
