"""A real server on a free port, its bot answering from a tiny release, and a real browser that opens its page."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from data.profile import load_profile
from data.settings import Settings, load_settings
from data.store import Store, bots, keys, open_store, releases
from data.store.keys import NewKey
from data.store.releases import Promotion
from service.app import create_app

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BOT = "otter"
BRAND = 'Otter & "Brook" <b>outdoors</b>'
GREETING = "Hello <i>you</i>. Our help: https://otterbrook.example/help?a=1&b=2."
MOST_CHARS = 300
PATIENCE_MS = 10_000


@dataclass
class Site:
    """The server, which may be stopped and started again at the same address with the same home."""

    settings: Settings
    port: int
    key: str = ""
    reviewer: str = ""
    _server: BaseWSGIServer | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> Store:
        assert self._server is not None
        return self._server.app.extensions["attune"].store

    def start(self) -> None:
        app = create_app(self.settings)
        self._server = make_server("127.0.0.1", self.port, app, threaded=True, request_handler=_Silent)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.app.extensions["attune"].close()
        self._server = self._thread = None

    def review(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """A call of the brand's people."""
        headers = {"Authorization": f"Bearer {self.reviewer}", "Content-Type": "application/json"}
        asked = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def hand(self, session: str, owner: str) -> None:
        self.review("PUT", f"/v1/admin/bots/{BOT}/sessions/{session}/owner", {"owner": owner})

    def say(self, session: str, text: str) -> None:
        """Say something in a conversation as a person of the brand."""
        self.review("POST", f"/v1/admin/bots/{BOT}/sessions/{session}/messages", {"text": text})


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # so named by werkzeug
        pass


def _tiny_release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiny_release", ROOT / "tests" / "flow" / "tiny_release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _furnish(home: Path, url: str) -> tuple[str, str]:
    """A bot whose release is live; its public key and a reviewer's key."""
    settings = load_settings(home, environ={})
    profile = load_profile(ROOT / "data" / "samples" / "profile.toml")
    profile = profile.model_copy(update={"name": BRAND, "greeting": GREETING})
    home.mkdir(parents=True)
    with open_store(settings.store_url, home=home) as store:
        with store.begin() as tx:
            bot = bots.create(tx, BOT, profile)
            public = keys.create(tx, NewKey("page", (), "public", bot.id, (url,)))[1]
            reviewer = keys.create(tx, NewKey("people", ("review",)))[1]
        number = _tiny_release().publish(store, settings, BOT, {"decision": "promote"})
        with store.begin() as tx:
            releases.promote(tx, bot.id, Promotion(number, 0, "tests", "to be talked with"))
    return public, reviewer


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home, port = tmp_path_factory.mktemp("site") / "home", _free_port()
    public, reviewer = _furnish(home, f"http://127.0.0.1:{port}")
    chosen = {"serve.public_key": public, "limits.message_chars": MOST_CHARS, "store.busy_seconds": 5.0}
    made = Site(load_settings(home, chosen, environ={}), port, public, reviewer)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def site(furnished: Site) -> Site:
    """The server, running."""
    if furnished._server is None:
        furnished.start()
    return furnished


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)} is on the PATH")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@dataclass
class Heard:
    """What a page complained of."""

    complaints: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def listen(self, page: Any) -> None:
        page.on("console", lambda line: line.type in ("error", "warning") and self.complaints.append(line.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dialog)

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def all_but(self, *expected: str) -> list[str]:
        """The complaints that hold none of `expected`. A browser reports every answer that is an error."""
        return [one for one in self.complaints if not any(text in one for text in expected)]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def open_page(browser: Any, heard: Heard) -> Iterator[Callable[..., Any]]:
    """`open_page(url, color_scheme="dark")`: a page in a browser that remembers nothing."""
    contexts = []

    def open_(url: str, **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        heard.listen(page)
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def chat(open_page: Callable[..., Any], site: Site) -> Callable[..., Any]:
    """`chat(color_scheme="dark")`: the chat page, greeted."""

    def open_(**options: Any) -> Any:
        page = open_page(site.url, **options)
        page.get_by_text("Hello <i>you</i>").wait_for()
        return page

    return open_
