"""`attune serve`: the first key, the settings it is started with, and the worker beside it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.settings import load_settings
from data.store import keys, open_store
from service import server
from service.child import trainer_command
from service.commands import serving
from service.session import Session
from tests.flow.served import ROOT
from tests.flow.served import server as started


def test_the_first_start_makes_a_key_for_everything_and_later_ones_none(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, environ={})
    with open_store(settings.store_url, home=tmp_path) as store:
        first = serving.first_key(store)
        assert first is not None
        found = keys.find(store, first)
        assert found is not None
        assert found.scopes == keys.SCOPES
        assert serving.first_key(store) is None


def test_without_the_train_extra_the_worker_imports_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(tmp_path, environ={})
    session = Session(tmp_path)
    assert "--kinds" not in serving.worker_command(session, settings)
    monkeypatch.setattr("service.child._is_installed", lambda name: name != "torch")
    assert serving.worker_command(session, settings)[-2:] == ["--kinds", "import"]
    assert session.launch is trainer_command


def test_what_was_asked_for_wins_over_the_settings(tmp_path: Path) -> None:
    asked = serving.ServeAsked(host="127.0.0.2", port=7, page_key="att_pub_x")
    serve = serving._settings(Session(tmp_path), asked).serve
    assert (serve.host, serve.port, serve.public_key) == ("127.0.0.2", 7, "att_pub_x")


def test_a_port_that_is_taken_is_said_before_a_key_is_made(attune: Callable[..., Any], no_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = attune("serve", "--port", str(taken.getsockname()[1]), "--json")
    assert ran.code == 2
    assert "listens on port" in ran.json["error"]["message"]
    assert not (no_home / "attune.db").exists()


def test_it_serves_tells_where_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with started(tmp_path / "home", "--no-worker") as (client, process):
        assert client.key is not None
        assert client.get("/v1/bots")["data"] == []
        with urllib.request.urlopen(client.url + "/docs", timeout=10) as page:
            assert "text/html" in page.headers["Content-Type"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with started(tmp_path / "home", "--no-worker") as (again, _):
        assert again.key is None, "the first key was shown once"
        assert again.with_key(client.key).get("/v1/bots")["data"] == []


def test_the_parent_of_the_server_stays_lean(tmp_path: Path) -> None:
    """What is loaded before a fork is shared with threads that the child has not."""
    program = (
        "import json, sys; from service.cli import make_app; make_app('serve'); import service.server;"
        " print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, cwd=ROOT, env=os.environ, check=True
    )
    assert {"onnxruntime", "pyarrow", "numpy", "tokenizers"}.isdisjoint(set(json.loads(ran.stdout)))


def test_addresses_are_written_as_browsers_want_them() -> None:
    assert server.address("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert server.address("::1", 8000) == "http://[::1]:8000"
