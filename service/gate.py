"""What every request passes before a view sees it. Whatever was not declared is refused.

    host -> address known? -> rate of the network -> who is it -> may they -> is it their bot -> rate of the caller

The order matters: nothing is read from the store for somebody who is flooding us, no body is read for somebody who may
not send one, and a stranger learns nothing about what exists.
"""

from __future__ import annotations

import ipaddress
import math
import secrets
import time
from functools import lru_cache
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import MethodNotAllowed, NotFound, SecurityError
from werkzeug.routing import Rule

from data.store import audit, bots
from data.store.audit import Entry
from service.api._spec import NOBODY, PUBLIC, Access, Caller, Declared
from service.context import Service
from service.errors import Refusal
from service.limits import Grant, Rate

PREFLIGHT_SECONDS = "600"
CROSS_ORIGIN_HEADERS = "Authorization, Content-Type, Idempotency-Key"


class Gate:
    """The one guard of an application: what is not among `declared` is refused, whatever else Flask may know."""

    def __init__(self, service: Service, declared: dict[str, Declared]) -> None:
        self._service = service
        self._declared = declared
        rates = service.settings.limits
        self._network = Rate("network", rates.network_per_second, rates.network_burst)
        self._key = Rate("key", rates.key_per_second, rates.key_burst)
        self._visitor = Rate("visitor", rates.visitor_per_second, rates.visitor_burst)
        self._everybody = Rate("everybody", rates.total_per_second, rates.total_burst)

    def install(self, app: Flask) -> None:
        """Guard `app`. Raises RuntimeError when it has a route that was not declared."""
        stray = {rule.endpoint for rule in app.url_map.iter_rules() if not self._is_declared(rule)}
        if stray:
            raise RuntimeError(f"routes without declared access: {sorted(stray)}")
        app.before_request(self.admit)

    def _is_declared(self, rule: Rule) -> bool:
        """Whether this address with these methods, and not just something of its name, was declared."""
        declared = self._declared.get(rule.endpoint)
        if declared is None or rule.methods is None:
            return False
        route = declared.route
        along = {"HEAD"} if route.method == "GET" else set()
        return rule.rule == route.rule and rule.methods <= {route.method, *along}

    def admit(self) -> Response | None:
        """Let the request in (None), or answer in place of its view. Raises Refusal."""
        g.request_id = f"req_{secrets.token_hex(12)}"
        g.started = time.perf_counter()
        g.caller = NOBODY
        g.grant = None
        g.declared = declared = self._declared.get(request.endpoint or "")
        self._take((self._network, network(request.remote_addr)), (self._everybody, ""))
        if isinstance(request.routing_exception, SecurityError):
            raise Refusal(400, "malformed", "This server does not answer for that host.", param="Host")
        if request.method == "OPTIONS":
            return self._preflight()
        if request.routing_exception is not None:
            raise _unknown(request.routing_exception)
        if declared is None:
            raise Refusal(403, "forbidden", "This address takes nobody.")
        if not declared.route.access.is_open:
            g.caller = self._admitted(declared)
        return None

    def _admitted(self, declared: Declared) -> Caller:
        caller = self._service.doorkeeper.caller(_bearer())
        if caller is None:
            raise _unauthenticated("The key is not valid: unknown, expired or revoked.")
        g.caller = caller
        self._take((self._visitor if caller.is_visitor else self._key, caller.id))
        self._check_origin(caller)
        if not may(caller, declared.route.access):
            self._note_denial(caller, declared)
            raise Refusal(403, "forbidden", f"This needs one of the scopes: {', '.join(declared.route.access.scopes)}.")
        self._check_bot(caller, declared)
        return caller

    def _check_bot(self, caller: Caller, declared: Declared) -> None:
        """A key that is bound to a bot reaches no other; that there are others it does not learn."""
        if caller.bot_id is None:
            return
        name = (request.view_args or {}).get("bot")
        if name is None:
            if declared.route.heeds_bot:
                return
            self._note_denial(caller, declared)
            raise Refusal(403, "forbidden", "This key is for one bot, and this concerns all of them.")
        if self._service.bot(caller.workspace, name).id != caller.bot_id:
            raise bots.absent(name)

    def _check_origin(self, caller: Caller) -> None:
        """A browser says where a page comes from; a public key works on the pages it was made for."""
        origin = request.headers.get("Origin")
        if origin is not None and PUBLIC in caller.scopes and origin not in caller.origins:
            raise Refusal(403, "origin_refused", "This key may not be used from pages of this origin.")

    def _take(self, *wanted: tuple[Rate, str]) -> None:
        grant = self._service.limiter.take(wanted)
        if grant is None:
            return
        g.grant = grant if g.grant is None or _nearer(grant, g.grant) else g.grant
        if grant.wait > 0:
            g.grant = grant
            wait = {"Retry-After": str(max(1, math.ceil(grant.wait)))}
            raise Refusal(429, "rate_limited", "Too many requests; the header Retry-After says when.", headers=wait)

    def _note_denial(self, caller: Caller, declared: Declared) -> None:
        if caller.key is None:
            return
        entry = Entry(caller.id, g.request_id, declared.endpoint, request.path[:200], outcome="denied")
        with self._service.store_of(caller).begin() as tx:
            audit.record(tx, entry)

    def _preflight(self) -> Response:
        """A browser's question whether a page may call. The answer depends on the origin alone."""
        origin, method = request.headers.get("Origin"), request.headers.get("Access-Control-Request-Method")
        known = self._called_across(method) if origin and method else None
        if origin is None or known is None:
            raise _unknown(request.routing_exception or MethodNotAllowed())
        response = Response(status=204)
        response.vary.add("Origin")
        if origin in self._service.origins():
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = known.route.method
            response.headers["Access-Control-Allow-Headers"] = CROSS_ORIGIN_HEADERS
            response.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
        return response

    def _called_across(self, method: str | None) -> Declared | None:
        adapter = self._service.address_book()
        try:
            endpoint, _ = adapter.match(request.path, method=method)
        except Exception:  # werkzeug raises its own kinds, redirects among them: none of them is a route
            return None
        declared = self._declared.get(endpoint)
        if declared is None or not declared.route.cross_origin or declared.route.method != method:
            return None
        return declared


def may(caller: Caller, access: Access) -> bool:
    """Whether a caller's scopes suffice."""
    return access.is_open or not caller.scopes.isdisjoint(access.scopes)


@lru_cache(maxsize=10_000)
def network(address: str | None) -> str:
    """The network a request comes from: /24 of IPv4, /48 of IPv6. What logs and limits know of an address."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network((parsed, prefix), strict=False))


def _bearer() -> str:
    given = request.headers.getlist("Authorization")
    if not given:
        raise _unauthenticated("A key is needed: Authorization: Bearer att_...")
    kind, _, token = given[0].partition(" ")
    if len(given) > 1 or kind.lower() != "bearer" or not token.strip():
        raise _unauthenticated("One header is expected: Authorization: Bearer att_...")
    return token.strip()


def _unauthenticated(message: str) -> Refusal:
    return Refusal(401, "unauthenticated", message, headers={"WWW-Authenticate": 'Bearer realm="attune"'})


def _unknown(raised: Any) -> Exception:
    if isinstance(raised, MethodNotAllowed):
        return raised
    return raised if isinstance(raised, NotFound) else NotFound()


def _nearer(one: Grant, other: Grant) -> bool:
    return one.remaining / one.rate.burst < other.remaining / other.rate.burst
