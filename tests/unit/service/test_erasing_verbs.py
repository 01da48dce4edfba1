"""`attune datasets`, `releases --lineage`, `erase`, `erasures`: what people see, and the objects that programs read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.build import freeze
from data.settings import load_settings
from data.store import bots, open_store, releases
from data.store.releases import NewRelease

BIRDS = ("heron", "finch", "wren", "kite")


def frozen(home: Path, *, released: bool = False) -> str:
    """Freeze what is imported; with `released` as if a release had been trained on it."""
    settings = load_settings(home, environ={})
    with open_store(settings.store_url, home=home) as store:
        with store.read() as tx:
            bot = bots.get(tx, "acme")
        made = freeze(store, settings, bot.id)
        if released:
            with store.begin() as tx:
                number = releases.reserve(tx, bot.id)
                manifest = {"lineage": {"dataset": made.fingerprint}}
                releases.publish(tx, bot.id, number, NewRelease("d" * 64, manifest, {"decision": "hold"}))
    return made.fingerprint


def write_log(path: Path, first: int, count: int) -> Path:
    said = [
        {
            "id": f"c{number}",
            "customer": f"customer {number}",
            "messages": [
                {"role": "user", "content": f"where is parcel {number} of the {BIRDS[number % 4]}s"},
                {"role": "agent", "content": f"It left on day {number}."},
            ],
        }
        for number in range(first, first + count)
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(one) for one in said), encoding="utf-8")
    return path


@pytest.fixture
def uploads(attune: Callable[..., Any], home: Path, tmp_path: Path) -> list[str]:
    """Two uploads, a dataset after each, a release of the second."""
    assert attune("init", "acme").code == 0
    first = attune("import", "acme", write_log(tmp_path / "first.jsonl", 0, 60), "--json").json["upload"]
    frozen(home)
    second = attune("import", "acme", write_log(tmp_path / "second.jsonl", 60, 30), "--json").json["upload"]
    frozen(home, released=True)
    return [first, second]


def test_datasets_are_listed_shown_compared_and_read(attune: Callable[..., Any], uploads: list[str]) -> None:
    told = attune("datasets", "acme", "--json").json["datasets"]
    assert [(one["number"], one["uploads"], one["releases"]) for one in told] == [
        (1, uploads[:1], []),
        (2, uploads, [1]),
    ]
    assert told[1]["manifest"]["rows"]["train"] > told[0]["manifest"]["rows"]["train"]
    shown = attune("datasets", "acme", "show", "2", "--json").json
    assert sum(sum(source["rows"].values()) for source in shown["sources"]) == 90
    assert "second.jsonl" in attune("datasets", "acme", "show", "2").out
    diff = attune("datasets", "acme", "diff", "1", "2", "--json").json
    assert [sum(rows.values()) for rows in diff["added"].values()] == [30]
    assert (diff["removed"], diff["unchanged"] + diff["moved"]) == ({}, 60)
    rows = attune("datasets", "acme", "rows", "2", "--limit", "3", "--start", "2", "--json").json["rows"]
    assert [row["place"] for row in rows] == [2, 3, 4]
    assert attune("datasets", "acme", "card", "2").out.startswith("---\n")


def test_a_dataset_is_exported_in_both_forms(attune: Callable[..., Any], uploads: list[str], tmp_path: Path) -> None:
    told = attune("datasets", "acme", "export", "2", "--to", tmp_path / "a", "--as", "jsonl", "--json").json
    assert sum(told["rows"].values()) == 90
    assert (tmp_path / "a" / "train.jsonl").read_text().count("\n") == told["rows"]["train"]
    assert attune("datasets", "acme", "export", "2", "--to", tmp_path / "b", "--as", "datasets").code == 0
    assert (tmp_path / "b" / "dataset_dict.json").exists()
    assert attune("datasets", "acme", "export", "2", "--to", tmp_path / "b").code == 2, "something is there"


@pytest.mark.parametrize(
    "words", [["show"], ["diff", "1"], ["list", "1"], ["eat", "1"], ["export", "1"], ["export", "1", "--as", "csv"]]
)
def test_what_makes_no_sense_of_datasets(attune: Callable[..., Any], uploads: list[str], words: list[str]) -> None:
    assert attune("datasets", "acme", *words).code == 2


def test_lineage_leads_to_whose_file_it_was_and_back(attune: Callable[..., Any], uploads: list[str]) -> None:
    told = attune("releases", "acme", "1", "--lineage", "--json").json
    assert (told["release"], told["dataset"]["number"]) == (1, 2)
    assert [source["upload"] for source in told["dataset"]["sources"]] == uploads
    assert "first.jsonl" in attune("releases", "acme", "1", "--lineage").out
    back = attune("releases", "acme", "--of-upload", uploads[0], "--json").json["releases"]
    assert [one["release"] for one in back] == [1]
    assert attune("releases", "acme", "--lineage").code == 2
    assert attune("releases", "acme", "--of-upload", "upload_none").code == 1


def test_a_customer_is_looked_for_then_erased_then_let_in(
    attune: Callable[..., Any], uploads: list[str], tmp_path: Path
) -> None:
    seen = attune("erase", "acme", "--customer", "customer 7", "--dry-run", "--json").json
    assert (seen["report"]["conversations"], seen["report"]["releases"]) == (1, [{"release": 1, "rewritten": False}])
    assert "nothing was done" in attune("erase", "acme", "--customer", "customer 7", "--dry-run").out
    assert "nothing of it is here" in attune("erase", "acme", "--customer", "Nobody", "--dry-run").out
    done = attune("erase", "acme", "--customer", "Customer  7", "--customer", "customer 7", "--json").json
    assert done["report"]["conversations"] == 1
    assert [one["dataset"] for one in done["report"]["datasets"]] == [1, 2]
    assert done["ids"] == []
    (marked,) = attune("releases", "acme", "--json").json["releases"]
    assert marked["trained_on_erased_data"] is not None
    assert "erased" in attune("releases", "acme").out
    assert "erased; what remained is" in attune("datasets", "acme").out
    assert attune("datasets", "acme", "rows", "1").code == 1
    again = attune("import", "acme", write_log(tmp_path / "third.jsonl", 7, 1), "--json").json
    assert again["set_aside"] == {"erased": 2}
    listed = attune("erasures", "acme", "--json").json["erasures"]
    assert [one["dry_run"] for one in listed] == [False, True, True, True]
    assert attune("erasures", "acme", done["erasure"], "--lift", "--json").json["lifted"] > 0
    assert attune("erasures", "acme", done["erasure"]).code == 0
    again = attune("import", "acme", write_log(tmp_path / "fourth.jsonl", 7, 1), "--json").json
    assert again["conversations"] == 1


def test_an_upload_is_erased_and_refused(attune: Callable[..., Any], uploads: list[str], tmp_path: Path) -> None:
    assert attune("erase", "acme", "--upload", uploads[1]).code == 0
    refused = attune("import", "acme", tmp_path / "second.jsonl", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "erased")
    assert attune("doctor", "--json").json["healthy"] is False, "the release of this test has no folder"


@pytest.mark.parametrize(
    "words",
    [[], ["--again", "--upload", "upload_x"], ["--upload", "upload_x", "--session", "session_x"]],
)
def test_one_kind_of_thing_is_erased_at_a_time(
    attune: Callable[..., Any], uploads: list[str], words: list[str]
) -> None:
    assert attune("erase", "acme", *words).code == 2


def test_what_is_not_there_cannot_be_erased(attune: Callable[..., Any], uploads: list[str]) -> None:
    assert attune("erase", "acme", "--session", "session_x").code == 1
    assert attune("erasures", "acme", "erasure_x").code == 1
    assert attune("erasures", "acme", "--lift").code == 2
    told = attune("erase", "acme", "--again", "--json").json
    assert told["erasures"] == [], "the journal names nothing that is not erased here"
