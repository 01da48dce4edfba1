"""What every answer carries: its request id, the state of the caller's quota, and headers that keep browsers strict."""

from __future__ import annotations

import math
import re
import time

import structlog
from flask import Response, current_app, g, request

from service.context import Service
from service.gate import network
from service.limits import Grant

_log = structlog.get_logger("attune.http")
_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
)
STRICT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
}
"""What an answer says unless its view said otherwise."""


def finish(response: Response) -> Response:
    """Complete the headers of an answer."""
    headers = response.headers
    headers.add("X-Request-Id", str(g.get("request_id", "req_none")))
    theirs = request.headers.get("X-Client-Request-Id")
    if theirs is not None and _CLIENT_ID.fullmatch(theirs):
        headers.add("X-Client-Request-Id", theirs)
    said = {name.lower() for name in headers.keys()}  # noqa: SIM118 - iterating over it gives pairs
    for name, value in STRICT.items():
        if name.lower() not in said:
            headers.add(name, value)
    _tell_quota(response)
    _share(response)
    _note(response.status_code)
    return response


def _tell_quota(response: Response) -> None:
    grant: Grant | None = g.get("grant")
    if grant is None:
        return
    rate, left, reset = grant.rate, grant.remaining, math.ceil(grant.reset)
    add = response.headers.add
    add("X-RateLimit-Limit-Requests", str(rate.burst))
    add("X-RateLimit-Remaining-Requests", str(left))
    add("X-RateLimit-Reset-Requests", f"{reset}s")
    add("RateLimit-Policy", f'"{rate.name}";q={rate.burst};w={math.ceil(rate.burst / rate.rate)}')
    add("RateLimit", f'"{rate.name}";r={left};t={reset}')


def _share(response: Response) -> None:
    """Let pages of the caller's own origins read the answer. Decided by exact match, never by reflection."""
    declared, caller, origin = g.get("declared"), g.get("caller"), request.headers.get("Origin")
    if declared is None or not declared.route.cross_origin:
        return
    response.vary.add("Origin")
    if origin is not None and caller is not None and origin in caller.origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "X-Request-Id, Retry-After"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def _note(status: int) -> None:
    """One line and a few numbers about the request: its route, never its address or its text."""
    service: Service = current_app.extensions["attune"]
    caller, declared = g.get("caller"), g.get("declared")
    route = declared.route.rule if declared is not None else "unknown"
    method = request.method if request.method in METHODS else "other"
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    service.metrics.answered(route, method, status, seconds)
    trace = request.headers.get("Traceparent", "")
    _log.info(
        "request",
        trace=trace if _TRACE.fullmatch(trace) else None,
        request_id=g.get("request_id"),
        method=method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 1),
        caller=caller.id if caller is not None else None,
        network=network(request.remote_addr),
    )
