"""Becomes another program that dies with its parent: `python -I -S launch.py PARENT_PID PROGRAM ARGUMENT...`.

The death signal is asked for here and not between fork and exec in the parent, because code that runs there can deadlock
in a process with threads, and makes gRPC's fork handlers complain.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Does not return."""
    parent_pid, *argv = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent_pid):  # the parent died before the request took effect
        os._exit(1)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - becoming that program is the point
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


main()
