"""What happened, for the people who run it: metrics, spans and log lines, each made from the one record of a request.

What lives here turns records into what Prometheus, an OTLP receiver or a log reader understands. What must not live here:
counting tokens or money (that is `usage`), a request's text, and the sockets that pages are served on. OpenTelemetry is
imported only when an OTLP endpoint is configured.
"""

from extproc.telemetry.log import LineLog
from extproc.telemetry.metrics import Metrics
from extproc.telemetry.outlet import Telemetry
from extproc.telemetry.page import merge

__all__ = ["LineLog", "Metrics", "Telemetry", "merge"]
