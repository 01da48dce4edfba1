"""Settings: file < environment < what was said at the call; typos refused; no value ever printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from data.errors import SettingsError
from data.settings import FILE_NAME, PREFIX, Settings, load_settings

SECRET = "hunter2-not-to-be-seen"


def write(home: Path, text: str) -> Path:
    home.mkdir(exist_ok=True)
    (home / FILE_NAME).write_text(text, encoding="utf-8")
    return home


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    found = load_settings(tmp_path, environ={})
    assert found == Settings(home=tmp_path)
    assert found.train.online is False
    assert found.store_url == f"sqlite:///{tmp_path}/attune.db"


def test_file_then_environment_then_overrides(tmp_path: Path) -> None:
    home = write(tmp_path / "home", "[jobs]\nmax_attempts = 4\nlease_seconds = 44\npoll_seconds = 0.4\n")
    environ = {"ATTUNE_JOBS__MAX_ATTEMPTS": "5", "ATTUNE_JOBS__LEASE_SECONDS": "55"}
    found = load_settings(home, {"jobs.max_attempts": 6}, environ)
    assert (found.jobs.max_attempts, found.jobs.lease_seconds, found.jobs.poll_seconds) == (6, 55, 0.4)
    assert found.jobs.heartbeat_seconds == Settings().jobs.heartbeat_seconds


def test_home_comes_from_the_call_then_the_environment_then_the_default(tmp_path: Path) -> None:
    here, there = tmp_path / "here", write(tmp_path / "there", "[serve]\nthreads = 3\n")
    assert load_settings(here, environ={"ATTUNE_HOME": str(there)}).home == here
    found = load_settings(environ={"ATTUNE_HOME": str(there)})
    assert (found.home, found.serve.threads) == (there, 3)
    assert load_settings(environ={}).home.name == "attune-home"
    assert load_settings("relative", environ={}).home.is_absolute()


def test_the_file_cannot_move_its_own_home(tmp_path: Path) -> None:
    home = write(tmp_path / "home", 'home = "/elsewhere"\n')
    assert load_settings(home, environ={}).home == home


def test_the_process_environment_is_read_when_none_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_SERVE__THREADS", "7")
    assert load_settings(tmp_path).serve.threads == 7


def test_other_names_of_the_environment_are_nobodys_business(tmp_path: Path) -> None:
    environ = {"PATH": "x", "XATTUNE_SERVE__THREADS": "9", "attune_serve__threads": "9"}
    assert load_settings(tmp_path, environ=environ) == Settings(home=tmp_path)


@pytest.mark.parametrize(
    "name", ["SERVE__THREADZ", "SERVER__THREADS", "THREADS", "SERVE__THREADS__MORE", "SERVE", "", "__"]
)
def test_a_name_that_does_not_exist_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, environ={PREFIX + name: SECRET})
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.to_wire())


NO_FOLDERS: list[dict[str, str]] = [
    {"ATTUNE_HOME__X": SECRET},
    {"ATTUNE_HOME": "~nobody-of-this-name/x"},
    {"ATTUNE_HOME": f"{SECRET}\0"},
    {"ATTUNE_HOME": SECRET * 5000},
    {"ATTUNE_HOME": f"{SECRET}\udcff"},
]


@pytest.mark.parametrize("environ", NO_FOLDERS, ids=range(len(NO_FOLDERS)))
def test_a_home_that_is_no_folder_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ=environ)
    assert SECRET not in str(caught.value)


def test_a_file_in_the_place_of_the_home_or_above_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(SettingsError) as caught:
            load_settings(environ={"ATTUNE_HOME": str(home)})
        assert str(tmp_path) not in str(caught.value)


def test_a_section_called_home_is_refused_whoever_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        load_settings(tmp_path, environ={"ATTUNE_HOME__X": SECRET})
    with pytest.raises(SettingsError):
        load_settings(write(tmp_path / "home", "[home]\nx = 1\n"), environ={})


def test_a_typo_in_the_file_or_the_call_is_refused(tmp_path: Path) -> None:
    home = write(tmp_path / "home", "[sever]\nthreads = 3\n")
    with pytest.raises(SettingsError, match="sever"):
        load_settings(home, environ={})
    with pytest.raises(SettingsError, match=r"serve\.threadz"):
        load_settings(tmp_path, {"serve.threadz": 1}, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVE__THREADS", "0"),
        ("SERVE__THREADS", SECRET),
        ("SERVE__THREADS", "1.5"),
        ("JOBS__LEASE_SECONDS", "-1"),
        ("JOBS__LEASE_SECONDS", "nan"),
        ("STORE__BUSY_SECONDS", "601"),
        ("TRAIN__ONLINE", SECRET),
        ("IMPORTS__PHONE_REGION", SECRET),
        ("IMPORTS__MAX_BYTES", "1e400"),
        ("TRAIN__THREADS", str(2**70) + "x"),
    ],
)
def test_a_value_out_of_range_is_refused_unseen(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, environ={PREFIX + name: value})
    assert name.lower().replace("__", ".") in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    environ = {"ATTUNE_SERVE__THREADS": "0", "ATTUNE_JOBS__MAX_ATTEMPTS": "0", "ATTUNE_TYPO": "1"}
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, environ=environ)
    for name in ("serve.threads", "jobs.max_attempts", "typo"):
        assert name in str(caught.value)


@pytest.mark.parametrize("content", [b"threads =", b"\xff\xfe", b"[a]\n[a]\n"])
def test_a_file_that_cannot_be_read_is_refused_without_its_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content + SECRET.encode())
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, environ={})
    assert SECRET not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path, environ={})


def test_the_url_of_the_store_is_not_shown(tmp_path: Path) -> None:
    url = f"postgresql://attune:{SECRET}@db/attune"
    found = load_settings(tmp_path, environ={"ATTUNE_STORE__URL": url})
    assert found.store_url == url
    for shown in (repr(found), str(found), found.model_dump_json()):
        assert SECRET not in shown


def test_settings_are_frozen(tmp_path: Path) -> None:
    found = load_settings(tmp_path, environ={})
    with pytest.raises(ValidationError):
        found.serve.threads = 2  # type: ignore[misc]


def leaves(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        inner = isinstance(kind, type) and issubclass(kind, BaseModel)
        found += leaves(kind, (*prefix, name)) if inner else [(*prefix, name)]
    return found


@pytest.mark.parametrize("path", leaves(Settings), ids=".".join)
def test_every_setting_can_be_given_by_the_environment(tmp_path: Path, path: tuple[str, ...]) -> None:
    default: Any = Settings(home=tmp_path)
    for name in path:
        default = getattr(default, name)
    given = ",".join(default) if isinstance(default, tuple) else str(default)
    if default is None:
        given = "sqlite:///a-name-long-enough-for-a-secret.db"
    home = None if path == ("home",) else tmp_path
    found: Any = load_settings(home, environ={PREFIX + "__".join(path).upper(): given})
    for name in path:
        found = getattr(found, name)
    assert found == default or default is None


@given(st.dictionaries(st.text("ABCDEFGH_", max_size=12).map(PREFIX.__add__), st.text(max_size=8), max_size=4))
def test_whatever_stands_in_the_environment_the_answer_is_settings_or_a_settings_error(environ: dict[str, str]) -> None:
    try:
        load_settings("nowhere", environ=environ)
    except SettingsError:
        return


def test_a_section_and_a_value_of_the_same_name_are_refused_not_merged(tmp_path: Path) -> None:
    home = write(tmp_path / "home", "serve = 3\n")
    with pytest.raises(SettingsError, match="serve"):
        load_settings(home, environ={})
    home = write(tmp_path / "home", "[serve.threads]\nmany = 1\n")
    with pytest.raises(SettingsError, match=r"serve\.threads"):
        load_settings(home, environ={})


def test_settings_are_read_without_torch() -> None:
    code = "import sys, data.settings; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "False"
