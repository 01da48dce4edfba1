"""What a route is: declared once, and from that declaration served, guarded, documented and tested.

The only module that knows the library which writes the OpenAPI document, so that it can be replaced here. A route
without declared access cannot be made; `service.gate` refuses whatever was not declared through this module.

    api = Api("chat")

    @api.route(Route("POST", "/v1/bots/<bot>/chat", access=Access("visitor"), body=ChatAsked, answers={200: Chatted}))
    def chat(call: Call) -> Answer: ...

A route with `effect=True` gets a write transaction as its second argument. In that transaction stand its effect, its
line in the audit log and what is kept for its Idempotency-Key: all of them or none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Flask, Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, create_model

from service.schemas.errors import ErrorBody

if TYPE_CHECKING:
    from data.store.keys import Key
    from data.store.sessions import Session
    from service.context import Service

View = Callable[..., "Answer | Response"]

SCOPES = ("visitor", "read", "data", "review", "operate", "admin")
PUBLIC = "public"
"""The scope of a public bot key: it may open a session, and nothing else."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call: a key with one of `scopes`. None of them: anybody (`Access.open()`)."""

    scopes: tuple[str, ...]

    def __init__(self, *scopes: str) -> None:
        unknown = [scope for scope in scopes if scope not in (*SCOPES, PUBLIC)]
        if unknown or not scopes:
            raise ValueError(f"access names one or more of {SCOPES}; came {scopes}")
        object.__setattr__(self, "scopes", scopes)

    @classmethod
    def open(cls) -> Access:
        """Anybody, without a key."""
        made = object.__new__(cls)
        object.__setattr__(made, "scopes", ())
        return made

    @property
    def is_open(self) -> bool:
        return not self.scopes


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and what for. `id` is the key's or the session's; `bot_id` the one bot it is bound to, if any."""

    id: str
    workspace: str
    scopes: frozenset[str]
    bot_id: str | None = None
    origins: tuple[str, ...] = ()
    key: Key | None = None
    session: Session | None = None

    @property
    def is_visitor(self) -> bool:
        return self.session is not None


NOBODY = Caller("nobody", "", frozenset())


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read: who asks, for what. `body` and `query` are of the models that the route declares."""

    service: Service
    caller: Caller
    path: Mapping[str, str]
    query: Any
    body: Any
    request_id: str
    if_match: str | None = None
    prepared: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent. `subject` names what was changed, for the audit log; `after` runs once the effect is committed.

    `kept` stands in for the body where it is kept for an Idempotency-Key: a body may hold a secret.
    """

    body: BaseModel | Mapping[str, Any] | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    subject: str = ""
    reason: str | None = None
    after: Callable[[], None] | None = None
    kept: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method at one address. `answers` maps each status of success to what it holds (a text: its media type).

    `refusals` are statuses it may answer beyond those every route has. `prepare` does what must not be done inside the
    transaction of an effect; what it returns is `call.prepared`, of which `digest` tells two apart. `again` makes the
    body for a repeated call from what was kept. `reads_body`: the view reads the body itself.
    `heeds_bot`: no bot is named in the address, and the view tells a key that is bound to one bot of that bot alone.
    `conditional`: needs If-Match. `unlisted`: not in the document (pages). `cross_origin`: pages of the key's origins
    may call it. `streams`: it may answer with server-sent events.
    """

    method: str
    rule: str
    access: Access
    answers: Mapping[int, type[BaseModel] | str | None]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    refusals: tuple[int, ...] = ()
    effect: bool = False
    audited: bool = True
    prepare: Callable[[Call], Any] | None = None
    digest: Callable[[Any], str] | None = None
    again: Callable[[Call, Mapping[str, Any]], Mapping[str, Any]] | None = None
    reads_body: Mapping[str, Any] | None = None
    heeds_bot: bool = False
    conditional: bool = False
    cross_origin: bool = False
    unlisted: bool = False
    streams: bool = False
    optional_body: bool = False

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(re.findall(r"<(?:[^<:>]+:)?([^<>]+)>", self.rule))


@dataclass(frozen=True, slots=True)
class Declared:
    """A route and the view that serves it; `endpoint` is Flask's name for it."""

    route: Route
    view: View
    endpoint: str


class Api:
    """The routes of one noun."""

    def __init__(self, name: str, about: str = "") -> None:
        self.name = name
        self.about = about
        self.routes: list[Declared] = []

    def route(self, route: Route) -> Callable[[View], View]:
        def declare(view: View) -> View:
            self.routes.append(Declared(route, view, f"{self.name}.{view.__name__}"))
            return view

        return declare

    def register(self, app: Flask, serve: Callable[[Declared, Mapping[str, str]], Response]) -> None:
        """Add the routes to `app`; each request goes to `serve` with the route it is for."""
        blueprint = APIBlueprint(self.name, __name__, abp_tags=[{"name": self.name, "description": self.about}])
        for declared in self.routes:
            _add(blueprint, declared, serve)
        app.register_api(blueprint)  # type: ignore[attr-defined]  # app is flask_openapi.OpenAPI, see service.app


def _add(blueprint: APIBlueprint, declared: Declared, serve: Callable[[Declared, Mapping[str, str]], Response]) -> None:
    route = declared.route

    def endpoint(**path: str) -> Response:
        return serve(declared, path)

    endpoint.__name__ = declared.view.__name__
    endpoint.__doc__ = declared.view.__doc__
    endpoint.__annotations__ = _annotations(route)
    endpoint.__delay_validate_request__ = True  # type: ignore[attr-defined]  # we validate, in `service.reading`
    options: dict[str, Any] = {"provide_automatic_options": False}
    if route.reads_body is not None:
        options["request_body"] = {"required": True, "content": dict(route.reads_body)}
    add = getattr(blueprint, route.method.lower())
    add(
        route.rule,
        operation_id=declared.endpoint.replace(".", "_"),
        security=[] if route.access.is_open else [{"bearer": []}],
        responses=_responses(route),
        openapi_extensions={
            "x-scopes": list(route.access.scopes),
            "x-streams": route.streams,
            "x-optional-body": route.optional_body,
        },
        doc_ui=not route.unlisted,
        **options,
    )(endpoint)


def _annotations(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if route.parameters:
        inside = {name: (str, Field(..., pattern=PATTERNS.get(name, ID_PATTERN))) for name in route.parameters}
        found["path"] = create_model(f"{route.method}Path", **inside)  # type: ignore[call-overload]
    headers: dict[str, Any] = {}
    if route.effect:
        said = "Repeat a call with the same key and it has one effect (kept for a day)."
        if PUBLIC in route.access.scopes:
            said += " With a public key it has 16 characters or more and is random: who knows it gets the same answer."
        headers["idempotency_key"] = (
            str | None,
            Field(None, alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[!-~]+$", description=said),
        )
    if route.conditional:
        said = "The ETag you last saw."
        headers["if_match"] = (str, Field(..., alias="If-Match", description=said, pattern=ETAG_PATTERN))
    if headers:
        found["header"] = create_model(f"{route.method}Headers", **headers)
    if route.query is not None:
        found["query"] = route.query
    if route.body is not None:
        found["body"] = route.body
    return found


ID_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$"
ETAG_PATTERN = r'^"[!#-~]{1,64}"$'
PATTERNS = {"number": r"^[1-9][0-9]{0,8}$"}
"""What the variables of addresses look like; what looks otherwise is not there."""
EVERYWHERE = (400, 405, 429, 500, 503)
KEYED = (401, 403, 404)
WITH_BODY = (408, 413, 415, 422)


def statuses(route: Route) -> tuple[int, ...]:
    """Every status of refusal that `route` may answer."""
    found = {*EVERYWHERE, *route.refusals}
    if not route.access.is_open:
        found |= set(KEYED)
    if route.parameters:
        found.add(404)
    if route.body is not None or route.reads_body is not None:
        found |= set(WITH_BODY)
    if route.effect:
        found |= {409, 422, 507}
    if route.conditional:
        found |= {412, 428}
    return tuple(sorted(found))


def _responses(route: Route) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for status, model in route.answers.items():
        if isinstance(model, str):
            kind = "object" if model == "application/json" else "string"
            told[str(status)] = {"content": {model: {"schema": {"type": kind}}}}
        else:
            told[str(status)] = model
    for status in statuses(route):
        told.setdefault(str(status), ErrorBody)
    return told
