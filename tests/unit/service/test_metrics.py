"""Numbers for operators: on a port of their own, and never who or what."""

from __future__ import annotations

import socket
import urllib.request
from types import SimpleNamespace
from typing import Any

from service.metrics import Metrics
from service.streams import Streams


def metrics(*loaded: Any, streams: Streams | None = None) -> Metrics:
    return Metrics(SimpleNamespace(report=lambda: loaded), streams or Streams(2))  # type: ignore[arg-type]


def page(of: Metrics) -> str:
    server = of.serve("127.0.0.1", 0)
    assert server is not None
    try:
        address = f"http://127.0.0.1:{server.server_port}/metrics"
        with urllib.request.urlopen(address, timeout=5) as answer:
            return str(answer.read().decode())
    finally:
        server.shutdown()
        server.server_close()


def test_requests_replies_streams_and_bots_are_told() -> None:
    streams = Streams(2)
    held = streams.answer(iter(()))
    bot = SimpleNamespace(workspace="default", bot="acme", release=7, bytes=1024, alarm=None)
    other = SimpleNamespace(workspace="north", bot="acme", release=1, bytes=8, alarm="integrity_failed")
    told = metrics(bot, other, streams=streams)
    told.answered("/v1/bots/<bot>/chat", "POST", 200, 0.004)
    told.replies.labels("approved", "answer").inc()
    said = page(told)
    assert 'attune_requests_total{method="POST",route="/v1/bots/<bot>/chat",status="200"} 1.0' in said
    assert 'attune_request_seconds_bucket{le="0.005",route="/v1/bots/<bot>/chat"} 1.0' in said
    assert 'attune_replies_total{action="answer",source="approved"} 1.0' in said
    assert 'attune_bot_bytes{bot="acme",release="7"} 1024.0' in said
    assert 'attune_bot_alarm{bot="north/acme"} 1.0' in said
    assert "attune_open_streams 1.0" in said
    held.close()


def test_a_port_that_is_taken_costs_the_metrics_and_nothing_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert metrics().serve("127.0.0.1", taken.getsockname()[1]) is None
