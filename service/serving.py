"""One request from the gate to its answer: read, do, commit, answer. The frame around every view.

An effect is one transaction: what it changes, its line in the audit log, and what is kept for its Idempotency-Key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, g, request
from pydantic import BaseModel

from data.store import Tx, audit, idempotency
from data.store.audit import Entry
from data.store.idempotency import Ask, Kept
from service.api._spec import PUBLIC, Answer, Call, Declared
from service.context import Service
from service.reading import read_body, read_idempotency_key, read_if_match, read_path, read_query

SENT = ("Location", "ETag")
"""The headers of an answer that a repeated call gets again."""


class Frame:
    """Serves the declared routes of one application."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def serve(self, declared: Declared, path: Mapping[str, str]) -> Response:
        """Answer the request at hand by the view of `declared`."""
        route = declared.route
        call = Call(
            service=self._service,
            caller=g.caller,
            path=read_path(dict(path)),
            query=read_query(route),
            body=read_body(route, self._service.settings.limits.json_bytes),
            request_id=g.request_id,
            if_match=read_if_match() if route.conditional else None,
        )
        if route.effect:
            return self._effect(declared, call)
        answer = declared.view(call)
        response = answer if isinstance(answer, Response) else written(answer)
        if request.method == "HEAD":
            response.close()  # its body is never asked for, so that nobody else would end what stands behind it
        return response

    def _effect(self, declared: Declared, call: Call) -> Response:
        route = declared.route
        key = read_idempotency_key(is_shared=PUBLIC in call.caller.scopes)
        if key is not None and route.digest is None:  # what is asked is known: a repeated call need not be prepared
            kept = self._kept_before(call, _ask(declared, call, key))
            if kept is not None:
                return _again(declared, call, kept)
        if route.prepare is not None:
            call = replace(call, prepared=route.prepare(call))
        ask = None if key is None else _ask(declared, call, key)
        done = False
        try:
            with self._service.store_of(call.caller).begin() as tx:
                kept = None if ask is None else idempotency.begin(tx, ask)
                if kept is not None:
                    return _again(declared, call, kept)
                answer = self._done(tx, declared, call)
                if ask is not None:
                    idempotency.keep(tx, ask, _kept(answer))
            done = True
        finally:
            if not done:
                _discard(call.prepared)
        if answer.after is not None:
            answer.after()
        return written(answer)

    def _kept_before(self, call: Call, ask: Ask) -> Kept | None:
        with self._service.store_of(call.caller).read() as tx:
            return idempotency.find(tx, ask)

    def _done(self, tx: Tx, declared: Declared, call: Call) -> Answer:
        answer = declared.view(call, tx)
        if not isinstance(answer, Answer):
            raise TypeError("an effect answers with an Answer")
        self._record(tx, declared, call, answer)
        return answer

    def _record(self, tx: Tx, declared: Declared, call: Call, answer: Answer) -> None:
        """The audit log's line about a change made by a key; what visitors say is no change of anything kept here."""
        if call.caller.key is None or not declared.route.audited:
            return
        audit.record(
            tx,
            Entry(
                actor=call.caller.id,
                request_id=call.request_id,
                action=declared.endpoint,
                object=answer.subject or request.path[:200],
                after=_digest_of(_plain(answer.body)),
                reason=answer.reason,
            ),
        )


def _discard(prepared: Any) -> None:
    """What was prepared for an effect that did not come about is given back."""
    close = getattr(prepared, "close", None)
    if close is not None:
        close()


def written(answer: Answer) -> Response:
    """The response that an Answer is."""
    body = _plain(answer.body)
    response = Response(status=answer.status, headers=dict(answer.headers))
    if body is not None:
        response.set_data(json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
        response.content_type = "application/json; charset=utf-8"
    return response


def _plain(body: BaseModel | Mapping[str, Any] | None) -> Any:
    if isinstance(body, BaseModel):
        return body.model_dump(mode="json", by_alias=True)
    return None if body is None else dict(body)


def _kept(answer: Answer) -> Kept:
    headers = {name: value for name, value in answer.headers.items() if name in SENT}
    return Kept(answer.status, headers, _plain(answer.body) if answer.kept is None else dict(answer.kept))


def _again(declared: Declared, call: Call, kept: Kept) -> Response:
    body = kept.body if declared.route.again is None else declared.route.again(call, kept.body)
    return written(Answer(body, kept.status, {**kept.headers, "Idempotent-Replayed": "true"}))


def _ask(declared: Declared, call: Call, key: str) -> Ask:
    return Ask(call.caller.id, _address(), key, _digest(declared, call))


def _address() -> str:
    return f"{request.method} {request.path}"[:255]


def _digest(declared: Declared, call: Call) -> str:
    """What the call asked for: two calls with one key must ask for the same."""
    route = declared.route
    asked = route.digest(call.prepared) if route.digest is not None else _digest_of(_plain(call.body))
    return _digest_of([asked, request.query_string.decode("ascii", "replace")])


def _digest_of(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
