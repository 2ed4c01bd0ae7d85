"""Who hears of an event: the log, the metrics, and one web address that gets each event until it says that it has it.

An event stays pending in its stream until then, so whichever worker is alive tries again, and a restart forgets none. A
receiver may get an event twice, with the same `id`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from extproc.config.limits import Measure, Notices
from extproc.limits.event import Event

SIGNATURE_HEADER = "x-tiermesh-signature"

_log = logging.getLogger("tiermesh.limits")


class Herald:
    """One worker's. `count` is told each threshold that is reached."""

    def __init__(self, notices: Notices, count: Callable[[Event], None]) -> None:
        self._notices = notices
        self._count = count
        self.undelivered = 0  # given up

    def announce(self, event: Event) -> None:
        """To the log and the metrics."""
        if event.kind == "threshold":
            self._count(event)
        _log.warning("%s of limit %s for %s: %s", event.kind, event.limit, event.scope, _words(event))

    async def deliver(self, entry_id: str, event: Event, age_s: float) -> bool:
        """To the web address. True when it has it, there is none, or it was tried for long enough."""
        if not self._notices.webhook:
            return True
        body = json.dumps({"id": entry_id, **event.to_json()}, separators=(",", ":")).encode()
        try:
            await asyncio.to_thread(post, self._notices, body)
        except (OSError, ValueError) as error:
            if age_s < self._notices.keep_trying_s:
                _log.warning("the webhook does not take event %s (%s); it is tried again", entry_id, type(error).__name__)
                return False
            self.undelivered += 1
            _log.error("event %s is given up: the webhook has not taken it in %d s", entry_id, int(age_s))
        return True


def post(notices: Notices, body: bytes) -> None:
    """One POST, signed where there is a secret. Raises OSError for any answer but 2xx."""
    headers = {"content-type": "application/json", "user-agent": "tiermesh"}
    if notices.secret_file:
        secret = Path(notices.secret_file).read_bytes().strip()
        headers[SIGNATURE_HEADER] = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(notices.webhook, data=body, headers=headers, method="POST")  # noqa: S310 - the operator's own address
    try:
        with _opener.open(request, timeout=notices.timeout_s):
            pass
    except HTTPException as error:  # what answers speaks no HTTP
        raise OSError(str(error)) from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Following one would turn the POST into a GET that says nothing, and call it delivered."""

    def redirect_request(self, *_: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


def _words(event: Event) -> str:
    cap = f"{event.cap / 1e6:,.2f} USD" if event.measure == Measure.USD else f"{event.cap:,} {event.measure}"
    return f"now {cap}: {event.reason}" if event.kind == "raise" else f"{event.percent} % of {cap} used"
