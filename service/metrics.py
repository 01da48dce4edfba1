"""Prometheus metrics, on a port of their own: how many, how long, how full. Never who or what."""

from __future__ import annotations

from collections.abc import Iterator
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.bots import LiveBots
from service.streams import Streams

_log = structlog.get_logger("attune.metrics")
SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The numbers of one process, in a registry of its own."""

    def __init__(self, live: LiveBots, streams: Streams) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "attune_requests", "Answered requests.", ("route", "method", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "attune_request_seconds", "Time to answer.", ("route",), buckets=SECONDS, registry=self.registry
        )
        self.replies = Counter("attune_replies", "Replies to visitors.", ("source", "action"), registry=self.registry)
        open_streams = Gauge("attune_open_streams", "Streams that are open.", registry=self.registry)
        open_streams.set_function(lambda: float(streams.open))
        self.registry.register(_Resident(live))

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self.requests.labels(route, method, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def serve(self, host: str, port: int) -> WSGIServer | None:
        """Serve /metrics on a port of its own. A port that is taken costs the metrics, not the service."""
        try:
            server, _ = start_http_server(port, addr=host, registry=self.registry)
        except OSError:
            _log.warning("metrics_port_taken", port=port)
            return None
        return server


class _Resident(Collector):
    """What the live bots say of themselves when they are asked."""

    def __init__(self, live: LiveBots) -> None:
        self._live = live

    def collect(self) -> Iterator[Metric]:
        sizes = GaugeMetricFamily("attune_bot_bytes", "Bytes a loaded bot takes.", labels=("bot", "release"))
        alarms = GaugeMetricFamily("attune_bot_alarm", "1: the live release could not be loaded.", labels=("bot",))
        for loaded in self._live.report():
            name = loaded.bot if loaded.workspace == "default" else f"{loaded.workspace}/{loaded.bot}"
            sizes.add_metric((name, str(loaded.release)), loaded.bytes)
            alarms.add_metric((name,), 1.0 if loaded.alarm else 0.0)
        yield sizes
        yield alarms
