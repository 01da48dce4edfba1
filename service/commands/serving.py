"""`attune serve`: the web server, and the worker beside it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from data.settings import Settings, load_settings
from data.store import Store, keys
from data.store.keys import SCOPES, NewKey
from service.child import can_train
from service.session import Session
from service.supervisor import Supervisor
from service.tables import text
from service.terminal import Answer
from service.verbs import verb

FIRST_KEY = "first key"
SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, kw_only=True)
class ServeAsked:
    host: Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = None
    port: Annotated[int | None, typer.Option("--port", metavar="N", help="Port to listen on; 0: any.")] = None
    page_key: Annotated[
        str | None, typer.Option("--page-key", metavar="KEY", help="Public bot key of the chat page at /.")
    ] = None
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Start no worker; `attune worker` runs one apart.")] = (
        False
    )


def serve(session: Session, asked: ServeAsked) -> None:
    """Serve over HTTP, and work on jobs beside it, until stopped. The first start prints an admin key, once."""
    from service.server import check_address  # the web framework is loaded by this verb alone
    from service.server import serve as run

    settings = _settings(session, asked)
    check_address(settings.serve.host, settings.serve.port)  # before a key is made that nobody would be shown
    with session.new_store() as store:
        first = first_key(store)
    supervisor = None if asked.no_worker else Supervisor(worker_command(session, settings))

    def ready(address: str) -> None:
        session.terminal.give(_answer(address, first, worker=supervisor is not None))
        if supervisor is not None:
            supervisor.start()

    try:
        run(settings, lambda: _make_app(settings), ready=ready, ending=supervisor.ask if supervisor else lambda: None)
    finally:
        if supervisor is not None:
            supervisor.stop()


def register(app: typer.Typer) -> None:
    verb(app, "serve")(serve)


def first_key(store: Store) -> str | None:
    """An admin key, made where there is no key at all; else None."""
    with store.begin() as tx:
        if keys.has_any(tx):
            return None
        return keys.create(tx, NewKey(name=FIRST_KEY, scopes=SCOPES))[1]


def worker_command(session: Session, settings: Settings) -> list[str]:
    """The worker's command. Without the train extra it imports; trainings wait for a worker that has it."""
    kinds = [] if can_train(session.launch) else ["--kinds", "import"]
    return session.launch(["worker", "--home", str(settings.home), "--attended", *kinds])


def _settings(session: Session, asked: ServeAsked) -> Settings:
    given = {"serve.host": asked.host, "serve.port": asked.port, "serve.public_key": asked.page_key}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return load_settings(session.home, chosen) if chosen else session.settings


def _make_app(settings: Settings) -> Any:
    """The application, in the process that serves it."""
    from service import logs
    from service.app import create_app

    logs.set_up()
    share_the_processor()
    app = create_app(settings)
    if settings.serve.metrics_port:
        app.extensions["attune"].metrics.serve(settings.serve.metrics_host, settings.serve.metrics_port)
    return app


def share_the_processor() -> None:
    """Let many small computations go on side by side.

    Threads of the numerical library spin after each product of a few hundred numbers, and take the cores from those who
    answer: one text then takes six times as long. And a thread that waits for the interpreter asks for it soon.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits

    assert np.__version__  # its library must be loaded to be told
    threadpool_limits(limits=1)
    sys.setswitchinterval(SWITCH_SECONDS)


def _answer(address: str, key: str | None, *, worker: bool) -> Answer:
    wire: dict[str, Any] = {"serving": address, "worker": worker}
    lines = [f"Serving at {address}; the contract is at {address}/docs. Ctrl-C ends it."]
    if key is not None:
        wire["admin_key"] = key
        lines += [f"Admin key, shown this once: {key}", "Keep it; `attune keys` makes more and revokes."]
    return Answer(wire, text("\n".join(lines)))
