"""The report of an upload as a page, findings that refuse it, and findings on all that would be learned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data import ingest
from data.jobs import run_job
from data.store import jobs
from tests.flow.http.stage import Site, furnish, site_at

TWINS = b'{"text": "give it back", "label": "Refund"}\n{"text": "<i>my money please", "label": "refund"}\n'
RIGHTS = "rights_attested=true"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("home")
    with site_at(home, furnish(home)) as made:
        made.ask("POST", "/v1/bots", json={"name": "shop"})
        made.ask("POST", "/v1/bots", json={"name": "other"})
        yield made


def imported(site: Site, query: str, body: bytes) -> str:
    """Upload and work the job off; the upload's address."""
    answer = site.ask("POST", f"/v1/bots/shop/uploads?{RIGHTS}&{query}", data=body)
    assert answer.status_code == 202, answer.text
    store, settings = site.store.for_workspace("default"), site.settings
    with store.begin() as tx:
        job = jobs.claim(tx, "test", lease_seconds=30.0, job_id=answer.json["id"])
    assert job is not None
    run_job(store, settings, job, lambda context: ingest.run_import(context, settings))
    return f"/v1/bots/shop/uploads/{answer.json['upload']}"


def test_the_report_as_a_page(site: Site) -> None:
    address = imported(site, "name=a.jsonl", TWINS)
    page = site.ask("GET", f"{address}/report.html")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "label_twins" in page.text
    assert "a.jsonl" in page.text
    told = page.headers["Content-Security-Policy"]
    assert "script-src" not in told
    assert told.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in told
    assert site.ask("GET", f"{address.replace('shop', 'other')}/report.html").status_code == 404
    assert site.ask("GET", f"{address}/report.html", key=None).status_code == 401


def test_there_is_no_page_before_the_import_is_over(site: Site) -> None:
    answer = site.ask("POST", f"/v1/bots/shop/uploads?{RIGHTS}", data=TWINS + b"\n\n")
    assert site.ask("GET", f"/v1/bots/shop/uploads/{answer.json['upload']}/report.html").status_code == 404


def test_findings_that_are_too_bad_refuse_the_upload_and_stand_in_its_error(site: Site) -> None:
    address = imported(site, "fail_on=warning", TWINS.replace(b"money", b"coins").replace(b"give", b"send"))
    shown = site.ask("GET", address).json
    assert (shown["state"], shown["conversations"], shown["report"]) == ("refused", 0, None)
    assert shown["error"]["code"] == "findings_too_bad"
    assert "label_twins" in {one["code"] for one in shown["error"]["findings"]}
    assert site.ask("GET", f"{address}/report.html").status_code == 404


def test_what_can_be_mended_is_mended_when_asked(site: Site) -> None:
    other = TWINS.replace(b"money", b"cash").replace(b"give", b"pay")
    shown = site.ask("GET", imported(site, "fix=true&fail_on=error", other)).json
    assert shown["state"] == "imported"
    assert "labels_mended" in {one["code"] for one in shown["report"]["findings"]}


@pytest.mark.parametrize("query", ["fail_on=terrible", "fail_on=", "fix=maybe"])
def test_what_makes_no_sense_is_refused(site: Site, query: str) -> None:
    assert site.ask("POST", f"/v1/bots/shop/uploads?{RIGHTS}&{query}", data=TWINS).status_code == 400


def test_findings_on_all_that_would_be_learned_are_one_job(site: Site) -> None:
    made = [site.ask("POST", "/v1/bots/shop/findings") for _ in range(2)]
    assert [one.status_code for one in made] == [202, 202]
    assert made[0].json["id"] == made[1].json["id"]
    assert made[0].json["kind"] == "findings"
    assert [one["id"] for one in site.ask("GET", "/v1/jobs?kind=findings").json["data"]] == [made[0].json["id"]]
    assert site.ask("POST", "/v1/bots/none/findings").status_code == 404


def test_nothing_of_the_page_lies_on_the_disk(site: Site) -> None:
    assert list(Path(site.settings.home).rglob("*.html")) == []
