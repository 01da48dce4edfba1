"""Sealed folders: whole or absent, and refused when a single byte, name or file differs."""

from __future__ import annotations

import errno
import json
import shutil

import pytest

from data.errors import Conflict, IntegrityError, StorageError, StorageFull
from export import sealed

NAME = "manifest.json"


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "tmp" / "work"
    (folder / "plots").mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"alpha")
    (folder / "plots" / "b.bin").write_bytes(b"beta")
    return folder


def check(folder):
    body, digest = sealed.read_seal(folder, NAME, what="bundle")
    sealed.verify_files(folder, NAME, body, what="bundle")
    return digest


def test_sealing_names_every_file_and_is_repeatable(work):
    digest = sealed.seal(work, NAME, {"x": "ü"})
    assert sealed.seal(work, NAME, {"x": "ü"}) == digest == check(work)
    body, _ = sealed.read_seal(work, NAME, what="bundle")
    assert set(body["files"]) == {"a.bin", "plots/b.bin"}
    assert body["files"]["a.bin"] == {"sha256": sealed.file_hash(work / "a.bin"), "size": 5}
    assert body["x"] == "ü"


def test_links_are_not_sealed(work):
    (work / "link").symlink_to(work / "a.bin")
    with pytest.raises(IntegrityError, match="plain files"):
        sealed.seal(work, NAME, {})


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (lambda f: (f / "a.bin").write_bytes(b"alphA"), "a.bin has changed"),
        (lambda f: (f / "a.bin").write_bytes(b"alpha+"), "a.bin has changed"),
        (lambda f: (f / "plots" / "b.bin").unlink(), "plots/b.bin is missing"),
        (lambda f: (f / "extra").write_bytes(b""), "extra does not belong there"),
    ],
)
def test_any_change_is_named(work, tamper, told):
    sealed.seal(work, NAME, {})
    tamper(work)
    with pytest.raises(IntegrityError, match=told) as caught:
        check(work)
    assert str(work) not in str(caught.value)


def test_a_link_in_the_place_of_a_file_is_refused_even_with_the_right_bytes(work, tmp_path):
    sealed.seal(work, NAME, {})
    (tmp_path / "elsewhere").write_bytes(b"alpha")
    (work / "a.bin").unlink()
    (work / "a.bin").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IntegrityError, match=r"a\.bin is missing"):
        check(work)


@pytest.mark.parametrize("name", ["../tmp/work/a.bin", "/etc/hostname", ""])
def test_a_manifest_cannot_point_outside_its_folder(work, name):
    body = {"files": {name: {"sha256": sealed.file_hash(work / "a.bin"), "size": 5}}}
    (work / NAME).write_text(json.dumps(body))
    with pytest.raises(IntegrityError, match="is missing"):
        check(work)


def test_without_a_manifest_it_is_not_complete(work):
    with pytest.raises(IntegrityError, match=r"not a complete bundle: it has no manifest\.json"):
        sealed.read_seal(work, NAME, what="bundle")


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"{}", b'{"files": [1]}', b'{"files": {"a": {"sha256": 1, "size": 1}}}', b"\xff"]
)
def test_a_manifest_that_is_none_is_refused(work, raw):
    (work / NAME).write_bytes(raw)
    with pytest.raises(IntegrityError, match=r"manifest.json of this bundle cannot be read"):
        sealed.read_seal(work, NAME, what="bundle")


def test_publishing_moves_once_and_again_changes_nothing(work, tmp_path):
    sealed.seal(work, NAME, {})
    shutil.copytree(work, tmp_path / "again")
    final = tmp_path / "releases" / "acme" / "1"
    assert sealed.publish(work, final, NAME, what="bundle") is True
    assert not work.exists()
    assert sealed.publish(tmp_path / "again", final, NAME, what="bundle") is False
    assert not (tmp_path / "again").exists()
    check(final)


def test_other_bytes_under_a_published_name_are_a_conflict(work, tmp_path):
    shutil.copytree(work, tmp_path / "other")
    sealed.seal(work, NAME, {})
    sealed.seal(tmp_path / "other", NAME, {"differs": 1})
    final = tmp_path / "final"
    sealed.publish(work, final, NAME, what="bundle")
    with pytest.raises(Conflict, match="Another bundle"):
        sealed.publish(tmp_path / "other", final, NAME, what="bundle")
    check(final)


def truncate_manifest(final):
    path = final / NAME
    path.write_bytes(path.read_bytes()[:20])


DAMAGES = {
    "a file that rotted": lambda final: (final / "a.bin").write_bytes(b"rotten"),
    "a file that is gone": lambda final: (final / "plots" / "b.bin").unlink(),
    "a file too many": lambda final: (final / "c.bin").write_bytes(b""),
    "no manifest": lambda final: (final / NAME).unlink(),
    "half a manifest": truncate_manifest,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_published_copy_that_is_damaged_gives_way_to_a_good_one(work, tmp_path, damage):
    digest = sealed.seal(work, NAME, {})
    shutil.copytree(work, tmp_path / "again")
    final = tmp_path / "bundles" / digest
    sealed.publish(work, final, NAME, what="bundle")
    DAMAGES[damage](final)
    assert sealed.publish(tmp_path / "again", final, NAME, what="bundle") is True
    assert check(final) == digest
    assert [path.name for path in final.parent.iterdir()] == [digest]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_leaves_even_a_damaged_copy_where_it_was(work, tmp_path, monkeypatch, number):
    digest = sealed.seal(work, NAME, {})
    shutil.copytree(work, tmp_path / "again")
    final = tmp_path / "bundles" / digest
    sealed.publish(work, final, NAME, what="bundle")
    (final / "a.bin").write_bytes(b"rotten")
    for place in ("data.files.os.fsync", "export.sealed.publish_folder"):
        with monkeypatch.context() as patch:
            patch.setattr(place, lambda *_: (_ for _ in ()).throw(OSError(number, "no")))
            with pytest.raises((StorageError, StorageFull, OSError), match=r"no|disk"):
                sealed.publish(tmp_path / "again", final, NAME, what="bundle")
        assert (final / "a.bin").read_bytes() == b"rotten"
    assert sealed.publish(tmp_path / "again", final, NAME, what="bundle")
    assert check(final) == digest


def test_what_somebody_else_is_mending_is_no_failure(work, tmp_path, monkeypatch):
    digest = sealed.seal(work, NAME, {})
    for name in ("again", "other"):
        shutil.copytree(work, tmp_path / name)
    final = tmp_path / "bundles" / digest
    sealed.publish(work, final, NAME, what="bundle")
    (final / "a.bin").write_bytes(b"rotten")
    real = sealed.sync_tree

    def meanwhile(folder):
        monkeypatch.setattr(sealed, "sync_tree", real)
        assert sealed.publish(tmp_path / "other", final, NAME, what="bundle")
        real(folder)

    monkeypatch.setattr(sealed, "sync_tree", meanwhile)
    sealed.publish(tmp_path / "again", final, NAME, what="bundle")
    assert check(final) == digest


def test_another_release_under_a_number_is_never_replaced(work, tmp_path):
    shutil.copytree(work, tmp_path / "other")
    sealed.seal(work, NAME, {})
    sealed.seal(tmp_path / "other", NAME, {"differs": 1})
    final = tmp_path / "acme" / "1"
    sealed.publish(work, final, NAME, what="bundle")
    (final / NAME).write_bytes(b"{")
    with pytest.raises(IntegrityError):
        sealed.publish(tmp_path / "other", final, NAME, what="bundle")
    assert (final / "a.bin").exists()


def test_under_its_digest_stands_what_the_digest_names(work, tmp_path):
    digest = sealed.seal(work, NAME, {})
    other = tmp_path / "bundles" / digest
    other.mkdir(parents=True)
    (other / "x.bin").write_bytes(b"x")
    sealed.seal(other, NAME, {})
    assert sealed.publish(work, other, NAME, what="bundle") is True
    assert check(other) == digest


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, StorageFull), (errno.EIO, StorageError)])
def test_a_disk_that_fails_publishes_nothing_and_the_next_try_does(work, tmp_path, monkeypatch, number, kind):
    digest = sealed.seal(work, NAME, {})

    def fail(_: int) -> None:
        raise OSError(number, "no")

    with monkeypatch.context() as patch:
        patch.setattr("data.files.os.fsync", fail)
        with pytest.raises(kind):
            sealed.publish(work, tmp_path / "final", NAME, what="bundle")
    assert not (tmp_path / "final").exists()
    assert sealed.publish(work, tmp_path / "final", NAME, what="bundle")
    assert check(tmp_path / "final") == digest


def test_what_was_not_sealed_is_not_published(work, tmp_path):
    with pytest.raises(IntegrityError):
        sealed.publish(work, tmp_path / "final", NAME, what="bundle")
    assert not (tmp_path / "final").exists()
