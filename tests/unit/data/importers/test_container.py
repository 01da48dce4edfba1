"""Archives: read file by file, never unpacked; what is no honest archive is refused before a byte of it is unpacked."""

from __future__ import annotations

import gzip
import importlib.util
import io
import sys
import zipfile
from pathlib import Path

import pytest

from data.errors import ImportRefused
from data.importers.container import open_container
from data.settings import ImportSettings

_spec = importlib.util.spec_from_file_location("importer_archives", Path(__file__).with_name("archives.py"))
archives = importlib.util.module_from_spec(_spec)
sys.modules["importer_archives"] = archives
_spec.loader.exec_module(archives)
zipped = archives.zipped

CHAT = '{"messages": [{"role": "user", "content": "hello"}, {"role": "agent", "content": "good day"}]}\n'
TABLE = "text,label\nwhere is it,order\nback please,return\n"


def refusal(look, content, **more):
    with pytest.raises(ImportRefused) as caught:
        look(content, **more)
    assert caught.value.remedy
    return caught.value.ids["reason"]


def renamed(old: bytes, new: bytes) -> bytes:
    return zipped({old.decode(): CHAT}).replace(old, new)


def many(count):
    return zipped({f"{number}.jsonl": "" for number in range(count)}, zipfile.ZIP_STORED)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped({"a.jsonl": CHAT})[:-30], "zip_damaged"),
        (zipped({"a.jsonl": CHAT}, zipfile.ZIP_STORED).replace(b"good", b"evil"), "zip_damaged"),
        (b"PK\x03\x04" + b"x" * 500, "zip_damaged"),
        (archives.flagged(zipped({"a.jsonl": CHAT}), 1), "zip_encrypted"),
        (archives.linked({"a.jsonl": b"/etc/passwd"}), "zip_link"),
        (renamed(b"aaaa/x.jsonl", b"../../.jsonl"), "zip_unsafe_name"),
        (renamed(b"aaaa/x.jsonl", b"/etc/x.jsonl"), "zip_unsafe_name"),
        (renamed(b"aaaa/x.jsonl", b"C:\\aax.jsonl"), "zip_unsafe_name"),
        (renamed(b"aaaa/x.jsonl", b"..\\..\\.jsonl"), "zip_unsafe_name"),
        (renamed(b"aaaa/x.jsonl", b"\x00aaa/x.jsonl"), "zip_unsafe_name"),
        (archives.nameless(CHAT), "zip_damaged"),
        (zipped({"a.jsonl": CHAT, "b.jsonl": CHAT}).replace(b"b.jsonl", b"a.jsonl"), "zip_duplicate_name"),
        (archives.overlapping(60), "zip_overlap"),
        (zipped({"a.csv": b"text\n" + b"a" * 3_000_000}), "zip_ratio"),
        (zipped({"a.jsonl": CHAT}, zipfile.ZIP_LZMA), "zip_method"),
        (zipped({}), "empty_file"),
        (zipped({"a.zip": zipped({"a.jsonl": CHAT})}), "archive_nested"),
        (zipped({"a.gz": gzip.compress(CHAT.encode())}), "archive_nested"),
        (zipped({"a.png": b"\x89PNG\0\0\0", "b.bin": b"\0\1\2"}), "unknown_kind"),
        (zipped({"notes.txt": "Nothing of note.\n"}), "unknown_kind"),
        (zipped({"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x/>"}), "workbook_damaged"),
        (gzip.compress(zipped({"a.jsonl": CHAT})), "not_text"),
    ],
)
def test_archives_that_are_refused(look, content, reason):
    assert refusal(look, content) == reason


def test_limits_of_archives(look):
    small = ImportSettings(max_members=3, max_member_bytes=1000)
    assert refusal(look, many(4), settings=small) == "zip_too_many"
    assert refusal(look, many(500), settings=small) == "zip_too_many"  # by the size of the directory, unparsed
    assert refusal(look, zipped({"a.csv": "text\n" + "ab" * 600}), settings=small) == "too_large"
    big = zipped({f"{number}.csv": "text\n" + "ab" * 400 for number in range(3)})
    assert refusal(look, big, settings=ImportSettings(max_bytes=2000)) == "too_large"


def test_files_of_an_archive_are_read_one_after_the_other(look):
    looked = look(zipped({"b/two.jsonl": CHAT, "one.csv": TABLE, "readme.txt": "Read me.", "__MACOSX/._one": "x"}))
    assert looked.report.conversations == 3
    assert [one.row for one in looked.conversations] == [1, 3, 4]
    assert looked.report.extra["files"] == 2
    (skipped,) = [one for one in looked.report.findings if one.code == "files_skipped"]
    assert skipped.count == 2


def test_a_table_alone_in_an_archive_is_refused_as_a_table(look):
    assert refusal(look, zipped({"a.csv": "conversation,text\n1,hello\n"})) == "no_role_column"


def test_a_table_that_cannot_be_read_does_not_cost_the_others(look):
    looked = look(zipped({"a.csv": "conversation,text\n1,hello\n", "b.csv": TABLE}))
    assert looked.report.set_aside == {"unreadable_file": 1}
    assert looked.report.rows_used == 2


def test_other_encodings_inside_an_archive(look):
    looked = look(
        zipped({"a.csv": "text\nGrüße aus Köln\n".encode("cp1252"), "b.csv": "text\nschön\n".encode("utf-16")})
    )
    assert looked.texts == ["Grüße aus Köln", "schön"]
    assert "encoding_guessed" in looked.codes


def test_members_are_read_again_and_names_are_only_shown(tmp_path):
    path = tmp_path / "upload"
    path.write_bytes(zipped({"a\\b.txt": b"x" * 700_000, ".DS_Store": b"junk"}, zipfile.ZIP_STORED))
    with open_container(path, "upload.zip", ImportSettings()) as container:
        (member,) = container.members
        assert (member.name, member.size, container.junk) == ("a/b.txt", 700_000, (".DS_Store",))
        assert sum(map(len, member.chunks())) == sum(map(len, member.chunks())) == 700_000
        assert len(member.head(10)) < 700_000
    assert list(tmp_path.iterdir()) == [path]


def test_a_zip_made_in_memory_is_a_zip():
    assert zipfile.is_zipfile(io.BytesIO(zipped({"a": "b"})))
