"""Which conversation is this, and what has it been through? Remembered in the store, for a while.

What lives here knows how conversations are told apart and what is kept of them: kinds and names, never text. What must not:
what follows from it (`residency`, `routing`).
"""

from extproc.session.key import Session, session_from, session_of, session_of_answer
from extproc.session.memory import Memory
from extproc.session.sessions import Sessions, Unknown

__all__ = ["Memory", "Session", "Sessions", "Unknown", "session_from", "session_of", "session_of_answer"]
