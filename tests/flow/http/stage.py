"""One home with two workspaces, bots, keys of every scope and live releases: what the hostile tests attack."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from data.profile import parse_profile
from data.settings import Settings, load_settings
from data.store import Store, bots, discoveries, keys, open_store, releases, suggestions, workspaces
from data.store.keys import SCOPES, NewKey
from data.store.suggestions import NewSuggestion
from data.store.tables import metadata
from service.app import create_app
from tests.flow import tiny_release
from tests.homes import lay_home

ROOT = Path(__file__).parents[3]
ORIGIN = "https://shop.example"
ERROR_FIELDS = {"message", "type", "param", "code", "request_id", "doc_url"}
JSON = "application/json; charset=utf-8"
VERDICT: dict[str, Any] = {"decision": "promote", "reasons": [], "models": {}, "flips": [], "slices": []}
UNLIMITED = {f"limits.{whom}_per_second": 0 for whom in ("key", "visitor", "network", "total")}
PLACES = {"ours": "default", "theirs": "other"}
INTENTS = [{"name": name, "answers": [f"About {name}."]} for name in tiny_release.SAID if name != "oos"]

Ask = Callable[..., Any]


@dataclass
class Bot:
    """A bot and one of each of its children, by the name of the variable that stands for it in addresses."""

    name: str
    token: str = ""
    ids: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """The home, who may call, and what there is to be reached."""

    settings: Settings
    app: Flask
    keys: dict[str, str] = field(default_factory=dict)
    bots: dict[tuple[str, str], Bot] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        opened: Store = self.app.extensions["attune"].store
        return opened

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def bearer(self, name: str) -> dict[str, str]:
        """The header of the key of that name; of any other text, as it is."""
        return {"Authorization": f"Bearer {self.keys.get(name, name)}"}

    def ask(self, method: str, path: str, key: str | None = "all", **rest: Any) -> Any:
        """One request with the key of that name."""
        headers = {**({} if key is None else self.bearer(key)), **(rest.pop("headers", None) or {})}
        return self.client.open(path, method=method, headers=headers, **rest)

    def counts(self) -> dict[str, int]:
        """The rows of every table, of all workspaces together."""
        with self.store.read() as tx:
            return {
                name: tx.connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }


def settings_of(home: Path, **overrides: Any) -> Settings:
    chosen = {"serve.metrics_port": 0, **UNLIMITED, **{name.replace("__", "."): one for name, one in overrides.items()}}
    return load_settings(home, chosen, environ={})


def furnish(home: Path) -> dict[str, str]:
    """Two workspaces with two bots each, `acme` in both of them; keys of every kind. Returns the keys by name."""
    settings = settings_of(home)
    with open_store(settings.store_url, home=lay_home(home)) as store:
        workspaces.ensure(store, "other")
        for place in PLACES.values():
            _make_bots(store.for_workspace(place), settings)
        return _make_keys(store)


def _make_bots(store: Store, settings: Settings) -> None:
    for name in ("acme", "beta"):
        profile = parse_profile({"name": name.title(), "intents": INTENTS})
        with store.begin() as tx:
            bot = bots.create(tx, name, profile)
        for number in (1, 2):
            assert tiny_release.publish(store, settings, name, VERDICT) == number
        with store.begin() as tx:
            releases.promote(tx, bot.id, releases.Promotion(1, 0, "cli", "the first"))


def _make_keys(store: Store) -> dict[str, str]:
    made: dict[str, str] = {}
    with store.begin() as tx:
        named = {name: bots.get(tx, name).id for name in ("acme", "beta")}
        wanted = {scope: NewKey(scope, [scope]) for scope in SCOPES}
        wanted |= {f"without {scope}": NewKey(scope, [one for one in SCOPES if one != scope]) for scope in SCOPES}
        wanted["all"] = NewKey("all", SCOPES)
        wanted["of beta"] = NewKey("of beta", SCOPES, bot_id=named["beta"])
        wanted["expired"] = NewKey("expired", SCOPES, expires_at=tx.now - timedelta(days=1))
        wanted["revoked"] = NewKey("revoked", SCOPES)
        wanted["public"] = NewKey("public", (), "public", named["acme"], (ORIGIN,))
        wanted["public of beta"] = NewKey("public", (), "public", named["beta"], ("https://beta.example",))
        for name, new in wanted.items():
            key, made[name] = keys.create(tx, new)
            if name == "revoked":
                keys.revoke(tx, key.id)
    with store.for_workspace("other").begin() as tx:
        made["theirs"] = keys.create(tx, NewKey("theirs", SCOPES))[1]
    return made


def populate(site: Site) -> None:
    """Give every bot a session, a reply, feedback, an upload and a training, all of them over HTTP."""
    for place, key in (("ours", "all"), ("theirs", "theirs")):
        for name in ("acme", "beta"):
            site.bots[place, name] = _lived_in(site, name, key)


def _lived_in(site: Site, name: str, key: str) -> Bot:
    def made(method: str, path: str, **rest: Any) -> Any:
        answer = site.ask(method, f"/v1{path}", key, **rest)
        assert answer.status_code < 300, answer.text
        return answer.json

    opened = made("POST", f"/bots/{name}/sessions")
    bot = Bot(name, opened["token"], {"session": opened["id"], "number": "1"})
    said = {"message": "where is the tracking of my parcel"}
    reply = site.ask("POST", f"/v1/bots/{name}/chat", bot.token, json=said).json
    bot.ids["turn"] = reply["turn"]
    bot.ids["feedback"] = made("POST", f"/bots/{name}/feedback", json={"turn": reply["turn"], "rating": -1})["id"]
    log = {"id": f"{key} {name}", "messages": [{"role": "user", "content": "hi"}, {"role": "agent", "content": "hey"}]}
    line = json.dumps(log).encode()
    bot.ids["upload"] = made("POST", f"/bots/{name}/uploads?rights_attested=true", data=line)["upload"]
    forgotten = {"kind": "customer", "names": ["nobody"], "dry_run": True}
    bot.ids["erasure"] = made("POST", f"/admin/bots/{name}/erasures", json=forgotten)["erasure"]
    bot.ids["suggestion"] = _suggested(site, name, "other" if key == "theirs" else None)
    bot.ids["job"] = made("POST", f"/admin/bots/{name}/retrain")["id"]
    return bot


def _suggested(site: Site, name: str, workspace: str | None) -> str:
    """The id of an intent suggested to the bot: what a discovery leaves."""
    settings = site.settings
    with open_store(settings.store_url, home=settings.home) as opened:
        store = opened.for_workspace(workspace) if workspace else opened
        with store.begin() as tx:
            found = discoveries.keep(tx, bots.get(tx, name).id, None, {}, [])
            return suggestions.add(tx, found.bot_id, found.id, 1, NewSuggestion("greeting", ["hi"]))


@contextmanager
def site_at(home: Path, made: dict[str, str], **overrides: Any) -> Iterator[Site]:
    """An application on this home."""
    settings = settings_of(home, **overrides)
    app = create_app(settings)
    try:
        yield Site(settings, app, made)
    finally:
        app.extensions["attune"].close()


def error_of(response: Any, status: int | None = None) -> dict[str, Any]:
    """The error that `response` is; every error has one shape."""
    assert response.content_type == JSON, (response.status_code, response.content_type)
    body = json.loads(response.get_data())
    assert set(body) == {"error"}, body
    error: dict[str, Any] = body["error"]
    assert set(error) - {"details"} == ERROR_FIELDS, error
    assert error["request_id"] == response.headers["X-Request-Id"]
    assert error["request_id"].startswith("req_")
    assert isinstance(error["message"], str)
    assert error["message"]
    assert error["doc_url"] == f"/docs#error-{error['code']}"
    for detail in error.get("details", []):
        assert set(detail) == {"param", "message"}
    if status is not None:
        assert response.status_code == status, (response.status_code, error)
    return error


def likeness(response: Any) -> tuple[Any, ...]:
    """All that can be told of a response, but for its request id."""
    id_ = response.headers["X-Request-Id"]
    told = ((name, value) for name, value in response.headers.items() if name not in ("X-Request-Id", "Date"))
    return response.status_code, tuple(sorted(told)), response.get_data(as_text=True).replace(id_, "req_")


@dataclass(frozen=True)
class Server:
    """A real server in a process of its own."""

    host: str
    port: int
    process: subprocess.Popen[str]

    def connect(self, timeout: float = 20.0) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=timeout)


SERVE = """
import json, sys
sys.path.insert(0, {root!r})
{first}
import service.server
for name, value in json.loads(sys.argv[2]).items():
    setattr(service.server, name, value)
from data.settings import load_settings
from service import logs
from service.app import create_app
logs.set_up()
settings = load_settings(sys.argv[1], json.loads(sys.argv[3]), environ={{}})
service.server.serve(settings, lambda: create_app(settings), ready=lambda at: print(at, flush=True))
"""


@contextmanager
def serving(
    home: Path, patience: Mapping[str, float] | None = None, first: str = "", **overrides: Any
) -> Iterator[Server]:
    """A server on a port of its own. `patience` replaces constants of service.server, so that no test waits long;
    `first` is run before anything is served."""
    chosen = {"serve.metrics_port": 0, "serve.port": 0, "serve.drain_seconds": 2, **UNLIMITED}
    chosen |= {name.replace("__", "."): value for name, value in overrides.items()}
    script = SERVE.format(root=str(ROOT), first=first)
    command = [sys.executable, "-c", script, str(home), json.dumps(dict(patience or {})), json.dumps(chosen)]
    log = (home / "server.log").open("w")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line, (home / "server.log").read_text()
        address = urlsplit(line)
        server = Server(address.hostname or "", address.port or 0, process)
        _wait_until_ready(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        log.close()


def _wait_until_ready(server: Server) -> None:
    for _ in range(200):
        with server.connect() as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            if connection.recv(100).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.1)
    raise AssertionError("the server did not become ready")
