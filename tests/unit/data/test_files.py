import errno
import hashlib
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import files
from data.errors import ImportRefused, IntegrityError, NotFound, StorageError, StorageFull
from data.files import Blobs, publish_folder, release_folder


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "home")


def left_in_tmp(blobs: Blobs) -> list[Path]:
    return list(blobs.tmp.iterdir())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=3000))
def test_bytes_come_back_under_the_name_of_their_hash(blobs: Blobs, content: bytes) -> None:
    blob = blobs.put(io.BytesIO(content), max_bytes=3000)
    assert (blob.digest, blob.size) == (hashlib.sha256(content).hexdigest(), len(content))
    with blobs.open(blob.digest) as stream:
        assert stream.read() == content
    blobs.verify(blob.digest)
    assert left_in_tmp(blobs) == []


def test_more_than_is_taken_is_refused_and_nothing_is_kept(blobs: Blobs) -> None:
    with pytest.raises(ImportRefused, match="larger than 10 bytes"):
        blobs.put(io.BytesIO(b"x" * 11), max_bytes=10)
    assert not blobs.folder.exists()
    assert left_in_tmp(blobs) == []
    assert blobs.put(io.BytesIO(b"x" * 10), max_bytes=10).size == 10


def test_the_same_bytes_again_mend_a_damaged_copy(blobs: Blobs) -> None:
    blob = blobs.put(io.BytesIO(b"logs"), max_bytes=10)
    blobs.path(blob.digest).write_bytes(b"rot")
    with pytest.raises(IntegrityError):
        blobs.verify(blob.digest)
    blobs.put(io.BytesIO(b"logs"), max_bytes=10)
    blobs.verify(blob.digest)


@pytest.mark.parametrize("digest", ["", "..", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n"])
def test_what_is_no_digest_never_becomes_a_path(blobs: Blobs, digest: str) -> None:
    for ask in (blobs.path, blobs.open, blobs.verify):
        with pytest.raises(NotFound):
            ask(digest)


def test_an_absent_blob_is_not_found(blobs: Blobs) -> None:
    with pytest.raises(NotFound):
        blobs.open("0" * 64)


@pytest.mark.parametrize(
    ("number", "kind", "remedy"),
    [
        (errno.ENOSPC, StorageFull, "Free space"),
        (errno.EDQUOT, StorageFull, "Free space"),
        (errno.EIO, StorageError, "its disk"),
        (errno.EACCES, StorageError, "who may write"),
        (errno.EROFS, StorageError, "who may write"),
    ],
)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_refuses_is_told_and_nothing_is_kept(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StorageError], remedy: str, step: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), "/a/secret/path")

    blobs.put(io.BytesIO(b"earlier"), max_bytes=10)
    monkeypatch.setattr(*((files.os, "fsync") if step == "fsync" else (Path, "replace")), refuse)
    with pytest.raises(StorageError) as told:
        blobs.put(io.BytesIO(b"logs"), max_bytes=10)
    assert type(told.value) is kind
    assert remedy in told.value.remedy
    assert "secret" not in str(told.value)
    assert left_in_tmp(blobs) == []
    assert not blobs.path(hashlib.sha256(b"logs").hexdigest()).exists()


def a_folder(blobs: Blobs, parent: Path, content: str = "one") -> Path:
    work = parent / "work"
    (work / "deep" / "er").mkdir(parents=True)
    (work / "deep" / "er" / "file").write_text(content)
    (work / "manifest.json").write_text("{}")
    return work


def test_a_folder_is_published_once(blobs: Blobs, tmp_path: Path) -> None:
    final = blobs.home / "releases" / "acme" / "1"
    with blobs.scratch() as parent:
        assert publish_folder(a_folder(blobs, parent), final)
        assert list(parent.iterdir()) == []
    with blobs.scratch() as parent:
        assert not publish_folder(a_folder(blobs, parent, "two"), final)
        assert list(parent.iterdir()) == []
    assert (final / "deep" / "er" / "file").read_text() == "one"
    assert left_in_tmp(blobs) == []


def test_a_scratch_folder_that_became_something_is_not_missed(blobs: Blobs) -> None:
    with blobs.scratch() as work:
        (work / "manifest.json").write_text("{}")
        assert publish_folder(work, blobs.home / "datasets" / "f")
    assert (blobs.home / "datasets" / "f" / "manifest.json").exists()


def test_a_folder_that_cannot_be_published_stays_where_it_was(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with blobs.scratch() as parent:
        work = a_folder(blobs, parent)
        monkeypatch.setattr(Path, "rename", refuse)
        with pytest.raises(StorageFull):
            publish_folder(work, blobs.home / "releases" / "1")
        assert work.exists()
    assert not (blobs.home / "releases" / "1").exists()


def test_only_what_nobody_touched_for_long_is_swept(blobs: Blobs) -> None:
    assert blobs.sweep_tmp() == 0
    now = datetime(2026, 3, 1, tzinfo=UTC)
    blobs.tmp.mkdir(parents=True)
    for name, hours in (("old", 30), ("new", 1), ("old-but-at-work", 30)):
        (blobs.tmp / name).mkdir()
        inner = blobs.tmp / name / "file"
        inner.write_text("x")
        then = (now - timedelta(hours=hours)).timestamp()
        os.utime(inner, (then, now.timestamp() if name == "old-but-at-work" else then))
        os.utime(blobs.tmp / name, (then, then))
    (blobs.tmp / "stray").write_text("x")
    os.utime(blobs.tmp / "stray", (0, 0))
    assert blobs.sweep_tmp(now) == 2
    assert sorted(path.name for path in blobs.tmp.iterdir()) == ["new", "old-but-at-work"]


def test_releases_of_two_workspaces_never_share_a_folder(tmp_path: Path) -> None:
    assert release_folder(tmp_path, "default", "acme", 7) == tmp_path / "releases" / "acme" / "7"
    assert release_folder(tmp_path, "shop", "acme", 7) == tmp_path / "releases" / "shop.acme" / "7"
    names = ["default", "a", "a-b", "b", "default-a"]
    folders = {release_folder(tmp_path, workspace, bot, 1) for workspace in names for bot in names}
    assert len(folders) == len(names) ** 2
