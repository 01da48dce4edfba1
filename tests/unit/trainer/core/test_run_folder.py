"""A run's folder: finished parts are computed once, and a file is trusted only by its recorded digest."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.errors import JobCancelled, StorageError, StorageFull
from trainer.core.run_folder import Arrays, MemoryLedger, RunFolder

MakeRun = Callable[..., RunFolder]


class Counting:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Arrays:
        self.calls += 1
        return {"a": np.arange(6, dtype=np.float32).reshape(2, 3).T, "b": np.array([[1]], dtype=np.int64)}


def test_a_stage_is_computed_once(make_run: MakeRun) -> None:
    ledger, compute = MemoryLedger(), Counting()
    first = make_run(ledger=ledger).stage("fold-0", compute)
    second = make_run(ledger=ledger).stage("fold-0", compute)
    assert compute.calls == 1
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert value.dtype == second[name].dtype
        np.testing.assert_array_equal(value, second[name])


def test_a_stage_whose_bytes_were_changed_is_computed_again(make_run: MakeRun) -> None:
    run, compute = make_run(), Counting()
    run.stage("fold-0", compute)
    path = run.folder / "fold-0.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\7")
    run.stage("fold-0", compute)
    assert compute.calls == 2
    run.stage("fold-0", compute)
    assert compute.calls == 2


def test_a_stage_that_no_ledger_knows_is_computed_again(make_run: MakeRun) -> None:
    compute = Counting()
    make_run().stage("fold-0", compute)
    make_run().stage("fold-0", compute)
    assert compute.calls == 2


def test_an_experiment_keeps_nothing(make_run: MakeRun) -> None:
    run = make_run(keep=False)
    run.stage("fold-0", Counting())
    assert list(run.folder.iterdir()) == []


def test_a_wish_to_stop_is_heard_before_a_stage(make_run: MakeRun) -> None:
    def check() -> None:
        raise JobCancelled("Stop.")

    compute = Counting()
    with pytest.raises(JobCancelled):
        make_run(check=check).stage("fold-0", compute)
    assert compute.calls == 0


def test_what_died_while_it_was_written_does_not_exist(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run()
    run.remember("x", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageFull, match="space"):
        run.remember("x", b"new")
    assert run.recall("x") == b"old"
    assert [path.name for path in run.folder.iterdir()] == ["x"]


def test_a_file_is_flushed_before_it_takes_its_name_and_recorded_after(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    fsync, replace = os.fsync, Path.replace

    class Telling(MemoryLedger):
        def record(self, name: str, digest: str) -> None:
            said.append("record")
            super().record(name, digest)

    def flush(handle: int) -> None:
        said.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "flush")
        fsync(handle)

    def rename(path: Path, target: Path) -> Path:
        said.append("rename")
        return replace(path, target)

    monkeypatch.setattr("os.fsync", flush)
    monkeypatch.setattr(Path, "replace", rename)
    make_run(ledger=Telling()).settle("fit.ckpt", lambda part: part.write_bytes(b"weights"))
    assert said == ["flush", "rename", "folder", "record"]


def test_a_disk_that_refuses_says_so_in_our_words(make_run: MakeRun) -> None:
    run = make_run()

    def refuse(part: Path) -> None:
        part.write_bytes(b"half")
        raise PermissionError(13, "Permission denied", str(part))

    with pytest.raises(StorageError) as caught:
        run.settle("fit.ckpt", refuse)
    assert str(run.folder) not in str(caught.value)
    assert list(run.folder.iterdir()) == []
    assert run.trusted("fit.ckpt") is None


def test_what_was_replaced_but_not_recorded_does_not_exist(make_run: MakeRun) -> None:
    class Forgetful(MemoryLedger):
        def record(self, name: str, digest: str) -> None:
            if self.known(name):
                raise ConnectionError
            super().record(name, digest)

    run = make_run(ledger=Forgetful())
    run.remember("x", b"old")
    with pytest.raises(ConnectionError):
        run.remember("x", b"new")
    assert run.recall("x") is None


def test_remembered_bytes_are_recalled_and_discarded(make_run: MakeRun) -> None:
    run = make_run()
    assert run.recall("x") is None
    run.remember("x", b"one")
    run.remember("x", b"two")
    assert run.recall("x") == b"two"
    assert [path.name for path in run.folder.iterdir()] == ["x"]
    run.discard("x")
    run.discard("x")
    assert run.recall("x") is None
