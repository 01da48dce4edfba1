"""A report as a page: nothing from elsewhere, nothing that a text could command, every count also as text."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from data.examine import Numbers, examine
from data.importers import ImportOptions
from data.settings import ImportSettings
from service.report_page import MOST_BARS, policy, report_page

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}"


class Seen(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def report(tmp_path: Path) -> dict:
    path = tmp_path / "log.csv"
    sides = (("customer", "where is it", "label {}"), ("staff", "on its way", ""))
    rows = [
        f'{at},{role},"{text} {at} times",{label.format(at)},2026-0{at % 9 + 1}-01T10:00:00Z'
        for at in range(60)
        for role, text, label in sides
    ]
    evil = EVIL.replace('"', '""')
    rows.append(f'99,customer,"{evil}","{evil[:20]}",')
    path.write_text("ticket,author,message,topic,ts\n" + "\n".join(rows))
    looked = examine(path, "log.csv", ImportOptions(), ImportSettings())
    for _ in looked.batches():
        pass
    return {**looked.report(Numbers("upload", dry_run=True, seconds=1.0)).to_wire(), "file": f"log {EVIL}.csv"}


def test_nothing_of_a_text_is_markup_and_nothing_comes_from_elsewhere(report):
    seen = Seen(report_page([report, report]))
    assert {"script", "img", "link", "iframe", "object", "form", "base"}.isdisjoint(seen.tags)
    names = {name for name, _ in seen.attributes}
    assert not [name for name in names if name.startswith("on") or name in ("style", "src", "srcset")]
    assert {value for name, value in seen.attributes if name == "href"} == {"#part-1", "#part-2"}
    assert "alert(1)" in seen.text, "it is shown as what it is: text"
    assert "{{7*7}}" in seen.text


def test_its_policy_allows_its_own_style_and_nothing_else(report):
    page = report_page([report])
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy() == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert ("content", policy()) in Seen(page).attributes
    assert "url(" not in style
    assert "@import" not in style


def test_every_count_stands_there_as_text(report):
    text = Seen(report_page([report])).text
    for title in (
        "What became of the rows",
        "Classes",
        "Languages",
        "Timeline",
        "Length of conversations",
        "Duplicates",
    ):
        assert title in text
    assert f"{len(report['labels']) - MOST_BARS} more" in text
    assert "2026-03" in text
    for finding in report["findings"]:
        assert finding["code"] in text
        assert finding["remedy"] in text


def test_a_report_of_nothing_is_a_page_too():
    empty = {
        "upload": "u", "format": "csv", "format_confidence": 1.0, "encoding": "utf-8", "dry_run": False, "rows_in": 0,
        "rows_used": 0, "conversations": 0, "set_aside": {}, "redacted": {}, "languages": {}, "labels": {},
        "findings": [], "seconds": 0.0,
    }  # fmt: skip
    text = Seen(report_page([empty])).text
    assert "every check passed" in text
    assert Seen(report_page([])).text


def test_tables_have_heads_and_drawings_have_words(report):
    page = report_page([report])
    assert page.count('<th scope="col"') > 6
    assert 'role="img" aria-label="Timeline. Messages by month' in page
    assert re.search(r'<html lang="en">', page)
