"""Datasets over HTTP: lists, rows in pages, differences, and lineage back from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from data.build import freeze
from data.files import Blobs
from data.ingest import request_import, run_import
from data.jobs import run_job
from data.store import bots, datasets, jobs, releases
from data.store.releases import NewRelease
from data.store.uploads import NewUpload
from tests.flow.http.stage import Site, error_of, furnish, site_at

AT = "/v1/bots/acme/datasets"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A bot with two datasets, a release of the second, and a file that went into both."""
    home = tmp_path_factory.mktemp("home")
    with site_at(home, furnish(home)) as made:
        take(made, 0, 60)
        frozen(made)
        take(made, 60, 20)
        fingerprint = frozen(made)
        with made.store.begin() as tx:
            bot = bots.get(tx, "acme")
            number = releases.reserve(tx, bot.id)
            manifest = {"lineage": {"dataset": fingerprint}}
            releases.publish(tx, bot.id, number, NewRelease("d" * 64, manifest, {"decision": "hold"}))
        yield made


def take(site: Site, first: int, count: int) -> None:
    birds = ("heron", "finch", "wren", "kite", "crane")
    said = [
        {"id": f"c{n}", "messages": [{"role": "user", "content": f"where is parcel {n} of the {birds[n % 5]}s"},
                                     {"role": "agent", "content": f"It left on day {n}."}]}
        for n in range(first, first + count)
    ]  # fmt: skip
    content = "\n".join(json.dumps(one) for one in said).encode()
    blob = Blobs(site.settings.home).put(BytesIO(content), max_bytes=10**7)
    with site.store.begin() as tx:
        new = NewUpload(f"from {first}.jsonl", blob.digest, blob.size, attested_by="key_ann")
        _, asked = request_import(tx, bots.get(tx, "acme").id, new)
        job = jobs.claim(tx, "test", lease_seconds=60, job_id=asked.id)
    assert job is not None
    assert run_job(site.store, site.settings, job, lambda c: run_import(c, site.settings)).state == "succeeded"


def frozen(site: Site) -> str:
    with site.store.read() as tx:
        bot = bots.get(tx, "acme")
    return freeze(site.store, site.settings, bot.id).fingerprint


def got(site: Site, path: str, key: str = "read") -> Any:
    answer = site.ask("GET", path, key)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_datasets_are_listed_newest_first_in_pages(site: Site) -> None:
    first = got(site, f"{AT}?limit=1")
    assert [one["number"] for one in first["data"]] == [2]
    second = got(site, f"{AT}?limit=1&cursor={first['next_cursor']}")
    assert [one["number"] for one in second["data"]] == [1]
    assert (second["has_more"], first["data"][0]["releases"]) == (False, [3])


def test_a_dataset_tells_what_it_was_built_from(site: Site) -> None:
    told = got(site, f"{AT}/2")
    assert [source["uploaded_by"] for source in told["sources"]] == ["key_ann"] * 2
    assert [sum(source["rows"].values()) for source in told["sources"]] == [60, 20]
    assert told["card"].startswith("---\n")
    assert told["manifest"]["fingerprint"] == told["fingerprint"]


def test_rows_come_in_pages_to_those_who_may_read_them(site: Site) -> None:
    error_of(site.ask("GET", f"{AT}/2/rows", "read"), 403)
    page = got(site, f"{AT}/2/rows?limit=30", "data")
    rows = page["data"]
    while page["has_more"]:
        page = got(site, f"{AT}/2/rows?limit=30&cursor={page['next_cursor']}", "data")
        rows += page["data"]
    assert [row["place"] for row in rows] == list(range(80))
    assert {row["row"]["text"] for row in rows if row["row"]["text"].startswith("where is parcel 61 ")}
    uploads = {source["upload"] for source in got(site, f"{AT}/2")["sources"]}
    assert {row["upload"] for row in rows} == uploads
    error_of(site.ask("GET", f"{AT}/1/rows?cursor={'x' * 20}", "data"), 400)


def test_a_difference_counts_by_source(site: Site) -> None:
    told = got(site, f"{AT}/2/diff?since=1")
    assert [sum(rows.values()) for rows in told["added"].values()] == [20]
    assert told["removed"] == {}
    back = got(site, f"{AT}/1/diff?since=2")
    assert [sum(rows.values()) for rows in back["removed"].values()] == [20]
    error_of(site.ask("GET", f"{AT}/2/diff", "read"), 400)
    error_of(site.ask("GET", f"{AT}/2/diff?since=9", "read"), 404)
    error_of(site.ask("GET", f"{AT}/9/diff?since=1", "read"), 404)


def test_a_file_leads_to_the_releases_that_learned_it(site: Site) -> None:
    sources = got(site, f"{AT}/2")["sources"]
    assert [one["number"] for one in got(site, f"/v1/bots/acme/uploads/{sources[0]['upload']}/lineage")["data"]] == [
        1,
        2,
    ]
    (last,) = got(site, f"/v1/bots/acme/uploads/{sources[1]['upload']}/lineage")["data"]
    assert last["releases"] == [3]
    release = got(site, "/v1/bots/acme/releases/3")
    assert (release["dataset"]["number"], len(release["sources"])) == (2, 2)
    assert got(site, "/v1/bots/acme/releases/1")["dataset"] is None


def test_of_a_tombstone_the_rows_are_gone_and_the_counts_stay(site: Site) -> None:
    with site.store.begin() as tx:
        one = datasets.numbered(tx, bots.get(tx, "acme").id, 1)
        counts = {name: one.manifest[name] for name in ("rows", "seen", "conversations")}
        datasets.bury(tx, one.id, counts, None)
    told = got(site, f"{AT}/1")
    assert told["erased_at"] is not None
    assert sum(told["rows"].values()) > 0
    assert {source["rows"] is None for source in told["sources"]} == {True}
    error_of(site.ask("GET", f"{AT}/1/rows", "data"), 409)
    error_of(site.ask("GET", f"{AT}/2/diff?since=1", "read"), 409)
