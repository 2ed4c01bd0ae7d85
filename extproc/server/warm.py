"""Compiles the detectors once, where `serve` will look for them: `python -m extproc.server.warm`, while an image is built."""

from __future__ import annotations

import sys
import time

from extproc.clock import SystemClock
from extproc.local.directory import cache_directory
from extproc.residency import Scanner, ScanPolicy


def main() -> int:
    """Exit status: 0, or 1 where nothing can be kept."""
    directory = cache_directory()
    if directory is None:
        print("no cache directory can be used; set XDG_CACHE_HOME", file=sys.stderr)
        return 1
    start_s = time.monotonic()
    Scanner(ScanPolicy(), SystemClock(), cache=directory)
    print(f"the detectors are in {directory} ({time.monotonic() - start_s:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
