"""The application: its parts put together. No logic stands here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import structlog
from flask import Flask, Response, g, request
from flask_openapi.openapi import OpenAPI
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from data.errors import AttuneError
from data.files import Blobs
from data.settings import Settings
from data.store import Store, open_store
from data.version import attune_version
from service.api import apis
from service.api._spec import Answer, Api, Declared
from service.auth import Doorkeeper, Secret
from service.bots import LiveBots
from service.caretaker import Caretaker
from service.chatting import Chats
from service.context import Service
from service.errors import Problem, plain, problem
from service.finishing import finish
from service.gate import Gate
from service.limits import Limiter
from service.logs import place_of
from service.metrics import Metrics
from service.receiving import Desk
from service.serving import Frame, written
from service.streams import Streams

_log = structlog.get_logger("attune.http")


def create_app(settings: Settings, *, store: Store | None = None) -> Flask:
    """The application for `settings`; its live releases are being loaded when this returns.

    Raises what opening the store raises. `app.extensions["attune"]` is the Service.
    """
    app = OpenAPI("service", info={"title": "attune", "version": attune_version()}, doc_ui=False, static_folder=None)
    app.openapi_version = "3.1.0"
    app.security_schemes = {"bearer": {"type": "http", "scheme": "bearer"}}
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    service = _service(app, settings, store)
    app.extensions["attune"] = service
    declared = _register(app, apis(), Frame(service).serve)
    Gate(service, declared).install(app)
    _answer_errors(app)
    app.after_request(finish)
    if settings.serve.proxies:
        hops = settings.serve.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.config["TRUSTED_HOSTS"] = list(settings.serve.hosts) or None
    service.bots.start()
    service.caretaker.start()
    return app


def _service(app: Flask, settings: Settings, store: Store | None) -> Service:
    opened = store or open_store(
        settings.store_url,
        home=settings.home,
        busy_seconds=settings.store.busy_seconds,
        max_attempts=settings.jobs.max_attempts,
    )
    secret = Secret.of(settings)
    live = LiveBots(opened, settings)
    streams = Streams(settings.serve.most_streams)
    doorkeeper = Doorkeeper(opened, secret, settings.serve.session_idle_minutes * 60)
    return Service(
        settings=settings,
        store=opened,
        bots=live,
        secret=secret,
        doorkeeper=doorkeeper,
        limiter=Limiter(),
        streams=streams,
        metrics=Metrics(live, streams),
        chats=Chats(live),
        desk=Desk(Blobs(settings.home), settings.limits.upload_bytes, settings.limits.uploads),
        caretaker=Caretaker(opened, doorkeeper),
        address_book=lambda: app.url_map.bind(""),
    )


def _register(
    app: Flask, apis: tuple[Api, ...], serve: Callable[[Declared, Mapping[str, str]], Response]
) -> dict[str, Declared]:
    declared = {}
    for api in apis:
        api.register(app, serve)
        declared.update({one.endpoint: one for one in api.routes})
    return declared


def _answer_errors(app: Flask) -> None:
    def known(error: AttuneError) -> Response:
        return _sent(problem(error, _request_id()), error)

    def refused(error: HTTPException) -> Response:
        methods = getattr(error, "valid_methods", None)
        allow = {"Allow": ", ".join(sorted(methods))} if methods else {}
        return _sent(plain(error.code or 500, _request_id(), allow), error)

    def bug(error: Exception) -> Response:
        return _sent(plain(500, _request_id()), error)

    app.register_error_handler(AttuneError, known)
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(Exception, bug)


def _sent(told: Problem, error: Exception) -> Response:
    if told.status >= 500:
        _log.log(
            logging.ERROR if told.status == 500 else logging.WARNING,
            "failed",
            request_id=_request_id(),
            kind=type(error).__name__,
            code=told.body["error"]["code"],
            where=place_of(error) if told.status == 500 else None,
        )
    response = written(Answer(told.body, told.status, told.headers))
    if told.status in (401, 403, 404, 413, 415, 429) and request.method in ("POST", "PUT", "PATCH"):
        response.headers["Connection"] = "close"  # what is left of the body is not worth reading
    return response


def _request_id() -> str:
    return str(g.get("request_id", "req_none"))
