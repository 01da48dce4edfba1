"""Datasets looked at, compared and handed out: rows told one by one, and folders that others read without us."""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from data.build import freeze
from data.dataset_card import dataset_card
from data.difference import difference
from data.errors import IntegrityError, UsageError
from data.files import Blobs
from data.frozen import ROOMS, FrozenDataset
from data.handout import FORMS, hand_out
from data.ingest import request_import, run_import
from data.inventory import rows_by_source, rows_that_say, slice_rows
from data.jobs import run_job
from data.lineage import Lineage, counted, frozen, of_dataset, of_turn, of_upload
from data.profile import BotProfile
from data.settings import Settings
from data.store import Store, bots, datasets, jobs, open_store, releases, uploads
from data.store.releases import NewRelease
from data.store.uploads import NewUpload
from tests.brand import log
from tests.chats import Chats

LOADED = """
import json, sys
sys.modules["data"] = None  # attune is not there
import datasets
datasets.disable_progress_bars()
found = datasets.load_from_disk(sys.argv[1])
print(json.dumps({split: found[split].to_list() for split in found}, default=str))
"""
SAID = "We keep herons."


def import_log(store: Store, settings: Settings, bot_id: str, content: bytes) -> str:
    blob = Blobs(settings.home).put(BytesIO(content), max_bytes=10**9)
    with store.begin() as tx:
        new = NewUpload("log", blob.digest, blob.size, attested_by="key_ann")
        upload, asked = request_import(tx, bot_id, new)
        job = jobs.claim(tx, "test", lease_seconds=60, job_id=asked.id)
    assert job is not None
    done = run_job(store, settings, job, lambda context: run_import(context, settings))
    assert done.state == "succeeded", done.error
    return upload.id


class Shop:
    """A bot with what was frozen of it."""

    def __init__(self, store: Store) -> None:
        self.store, self.settings = store, Settings(home=store.home)
        with store.begin() as tx:
            self.bot = bots.create(tx, "acme", BotProfile(name="acme")).id
        self.chats = Chats(store, self.bot)

    def take(self, content: bytes) -> str:
        return import_log(self.store, self.settings, self.bot, content)

    def freeze(self) -> FrozenDataset:
        return freeze(self.store, self.settings, self.bot)

    def lineage(self, dataset: FrozenDataset) -> Lineage:
        with self.store.read() as tx:
            return of_dataset(tx, datasets.get(tx, dataset.id))


@pytest.fixture
def shop(sqlite_store: Store) -> Shop:
    made = Shop(sqlite_store)
    made.take(log(80))
    return made


def everything(dataset: FrozenDataset) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {room: [] for room in ROOMS}
    for row in slice_rows(dataset, 0, 10_000):
        found[row.room].append(dict(row.record))
    return found


def test_rows_are_told_in_pages_that_together_are_all_of_them(shop: Shop) -> None:
    dataset = shop.freeze()
    rows = slice_rows(dataset, 0, 1_000)
    assert [row.place for row in rows] == list(range(len(rows)))
    assert sum(dataset.manifest["rows"].values()) == len(rows) - sum(dataset.manifest["seen"].values())
    paged, start = [], 0
    while page := slice_rows(dataset, start, 7):
        paged += page
        start += len(page)
    assert paged == rows
    assert slice_rows(dataset, 10_000, 5) == []


def test_rows_are_counted_by_split_and_source(shop: Shop) -> None:
    second = shop.take(log(110, first=80))
    shop.chats.taught("do you keep herons", corrected_reply=SAID)
    dataset = shop.freeze()
    found = counted(shop.store, shop.lineage(dataset))
    assert found.feedback == {"train": 1, "validation": 0, "test": 0}
    by_upload = {source.upload: dict(source.rows or {}) for source in found.sources}
    assert sum(sum(rows.values()) for rows in by_upload.values()) == 190
    assert sum(by_upload[second].values()) == 110
    assert {source.uploaded_by for source in found.sources} == {"key_ann"}
    assert sum(sum(rows.values()) for rows in rows_by_source(dataset).values()) == 191


def test_what_came_between_two_datasets(shop: Shop) -> None:
    before = shop.freeze()
    shop.take(log(100, first=80))
    relabelled = [json.loads(line) for line in log(3).splitlines()]
    for one in relabelled:
        one["messages"][0]["intent"] = "another"
    shop.take("\n".join(json.dumps(one) for one in relabelled).encode())
    shop.chats.taught("do you keep herons", corrected_reply=SAID)
    after = shop.freeze()
    told = difference(before, after).to_wire()
    added = {source: sum(rows.values()) for source, rows in told["added"].items()}
    assert sorted(added.values()) == [1, 3, 100]
    assert added["feedback"] == 1
    assert (told["removed"], told["relabelled"]) == ({}, {})
    back = difference(after, before)
    assert sum(sum(rows.values()) for rows in back.removed.values()) == 104
    same = difference(after, after)
    assert (same.added, same.removed, same.unchanged) == ({}, {}, len(slice_rows(after, 0, 10_000)))


def test_a_row_with_another_label_is_relabelled_and_nothing_else(shop: Shop, tmp_path: Path) -> None:
    before = shop.freeze()
    changed = [json.loads(line) for line in log(80).splitlines()]
    for one in changed[:5]:
        one["messages"][0]["intent"] = "another"
    with open_store(f"sqlite:///{tmp_path / 'b' / 'attune.db'}", home=tmp_path / "b") as store:
        other = Shop(store)
        other.take("\n".join(json.dumps(one) for one in changed).encode())
        told = difference(before, other.freeze()).to_wire()
    assert (told["added"], told["removed"]) == ({}, {})
    assert sum(sum(rows.values()) for rows in told["relabelled"].values()) == 5
    assert {one["after"] for one in told["labels"]} == {"another"}
    assert told["unchanged"] + told["moved"] == 75


def test_the_card_tells_what_is_in_it_and_quotes_nobody(shop: Shop) -> None:
    dataset = shop.freeze()
    found = counted(shop.store, shop.lineage(dataset))
    card = dataset_card("acme", found)
    assert card == dataset_card("acme", found)
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["size_categories"] == ["n<1K"]
    assert front["language"] == list(dataset.manifest["languages"])
    assert dataset.fingerprint in card
    assert "key\\_ann" in card or "key_ann" in card
    assert [row.record["text"] for row in slice_rows(dataset, 0, 1_000) if row.record["text"] in card] == []


def test_the_card_counts_every_row_with_a_label_and_without(shop: Shop) -> None:
    shop.take(log(8, first=900, labelled=False))
    dataset = shop.freeze()
    card = dataset_card("acme", counted(shop.store, shop.lineage(dataset)))
    for title in ("Intent", "Language"):
        (table,) = [part for part in card.split("\n\n") if part.startswith(f"| {title} |")]
        counts = [int(cell) for row in table.splitlines()[2:] for cell in row.strip("|").split("|")[1:]]
        assert sum(counts) == sum(dataset.manifest["rows"].values()), title
    assert "(no label)" in card


def test_a_folder_that_datasets_reads_without_us(shop: Shop, tmp_path: Path) -> None:
    shop.chats.taught("do you keep herons", corrected_reply=SAID)
    dataset = shop.freeze()
    told = hand_out(dataset, "# A card\n", tmp_path / "out", "datasets")
    ran = subprocess.run(
        [sys.executable, "-P", "-c", LOADED, str(tmp_path / "out")], capture_output=True, text=True, timeout=300,
        check=False, cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    loaded = json.loads(ran.stdout)
    wanted = {room: rows for room, rows in everything(dataset).items() if rows or not room.startswith("seen_")}
    assert {split: len(rows) for split, rows in loaded.items()} == told
    assert loaded == json.loads(json.dumps(wanted))
    assert (tmp_path / "out" / "README.md").read_text() == "# A card\n"


def test_json_lines(shop: Shop, tmp_path: Path) -> None:
    dataset = shop.freeze()
    told = hand_out(dataset, "# A card\n", tmp_path / "out", "jsonl")
    wanted = everything(dataset)
    for split, rows in told.items():
        lines = [json.loads(line) for line in (tmp_path / "out" / f"{split}.jsonl").read_text().splitlines()]
        assert len(lines) == rows
        whole = [{name: line.get(name, [] if name in ("entities", "context") else None) for name in record}
                 for line, record in zip(lines, wanted[split], strict=True)]  # fmt: skip
        assert whole == wanted[split]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_handed_out_over_something_or_half(shop: Shop, tmp_path: Path, form: Any) -> None:
    dataset = shop.freeze()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("mine")
    with pytest.raises(UsageError):
        hand_out(dataset, "", tmp_path / "there", form)
    shard = next(dataset.folder.glob("train-*"))
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(IntegrityError):
        hand_out(dataset, "", tmp_path / "out", form)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "there"]


def test_from_a_reply_to_whose_file_it_came_in(shop: Shop) -> None:
    dataset = shop.freeze()
    row = next(row for row in slice_rows(dataset, 0, 100) if row.record["reply"])
    with shop.store.begin() as tx:
        number = releases.reserve(tx, shop.bot)
        manifest = {"lineage": {"dataset": dataset.fingerprint}}
        releases.publish(tx, shop.bot, number, NewRelease("d" * 64, manifest, {"decision": "promote"}))
    detail = {"candidates": [{"reply": row.record["reply"], "score": 0.9, "intent": None, "count": 1}]}
    facts = {"source": "retrieved", "release": number, "detail": detail}
    turn = shop.chats.ask(shop.chats.open(), "hello", "filled in", **facts)
    saying = of_turn(shop.store, turn)
    assert saying.release is not None
    assert (saying.release.number, saying.lineage and saying.lineage.dataset.id) == (number, dataset.id)
    assert [name for name, _ in saying.rows] == [row.record["id"]]
    ((_, source),) = saying.rows
    assert source is not None
    assert source.uploaded_by == "key_ann"
    approved = shop.chats.ask(shop.chats.open(), "hello", "hi", source="approved", release=number)
    assert of_turn(shop.store, approved).rows == ()
    asked = shop.chats.ask(shop.chats.open(), "hello", "hi")
    assert of_turn(shop.store, asked).release is None
    with shop.store.read() as tx:
        (one,) = of_upload(tx, uploads.list_for(tx, shop.bot)[0])
        assert [release.number for release in one.releases] == [number]


def test_a_tombstone_tells_what_it_may_and_hands_nothing_out(shop: Shop) -> None:
    dataset = shop.freeze()
    with shop.store.begin() as tx:
        datasets.bury(tx, dataset.id, {name: dataset.manifest[name] for name in ("rows", "conversations")}, None)
    found = shop.lineage(dataset)
    with pytest.raises(IntegrityError, match="erased"):
        frozen(shop.store, found.dataset)
    assert counted(shop.store, found) == found
    assert "A tombstone" in dataset_card("acme", found)


def test_rows_that_say_a_reply_are_named_up_to_a_number(shop: Shop) -> None:
    same = [{"id": f"s{n}", "messages": [{"role": "user", "content": f"is there a heron {n} {'abcdefgh'[n % 8] * 5}"},
                                         {"role": "agent", "content": SAID}]} for n in range(6)]  # fmt: skip
    shop.take("\n".join(json.dumps(one) for one in same).encode())
    dataset = shop.freeze()
    assert len(rows_that_say(dataset, SAID, 100)) == 6
    assert len(rows_that_say(dataset, SAID, 2)) == 2
    assert rows_that_say(dataset, "We never said so.", 2) == []
