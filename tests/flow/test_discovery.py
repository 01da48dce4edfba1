"""Intents that nobody named: found in what customers said, judged by a reviewer, learned by the next dataset."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from data.build import freeze
from data.ingest import run_import
from data.schema import SPLITS
from data.store import Store, audit, bots, jobs, keys, open_store, suggested_turns, suggestions
from data.store.keys import NewKey
from data.store.suggestions import Place
from data.suggested import Review, split
from service.app import create_app
from service.cli import run
from tests.brand import BOT, Brand, brand_at, log
from tests.erased import traces
from tests.flow.http.stage import settings_of
from tests.person import MARKER, PERSON, erase
from tests.tiny_bert import lay_tiny
from trainer.bases.known import DEFAULT
from trainer.insight.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[2]
WANTED = ("order_status", "rent_gear", "newsletter", "delete_account", "size_advice", "store_visit")


def sample() -> dict[str, str]:
    """What the sample brand's customers said of a few intents: text to intent."""
    lines = (ROOT / "data" / "samples" / "chats.jsonl").read_text(encoding="utf-8").splitlines()
    said = [message for line in lines for message in json.loads(line)["messages"]]
    return {one["content"]: one["intent"] for one in said if one.get("intent") in WANTED}


def unlabelled() -> bytes:
    rows = [{"id": f"c{at}", "messages": [{"role": "user", "content": text}]} for at, text in enumerate(sample())]
    return "\n".join(json.dumps(row) for row in rows).encode()


def labels(store: Store, settings: Any, bot_id: str) -> Counter[str | None]:
    """The labels of all rows of the dataset that is frozen now."""
    frozen = freeze(store, settings, bot_id)
    return Counter(row.intent for split in SPLITS for row in frozen.rows(split))


@dataclass
class Caller:
    """A reviewer and operator over HTTP."""

    app: Flask
    key: str

    @property
    def store(self) -> Store:
        opened: Store = self.app.extensions["attune"].store
        return opened

    def ask(self, method: str, path: str, status: int = 200, **rest: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", **rest.pop("headers", {})}
        answer = self.app.test_client().open(f"/v1{path}", method=method, headers=headers, **rest)
        assert answer.status_code == status, answer.text
        return answer.json

    def all_of(self, path: str, limit: int) -> list[Any]:
        """A list, page by page."""
        page = self.ask("GET", f"{path}?limit={limit}")
        found = page["data"]
        while page["has_more"]:
            page = self.ask("GET", f"{path}?limit={limit}&cursor={page['next_cursor']}")
            found += page["data"]
        return list(found)


@pytest.fixture
def make_caller(tmp_path: Path) -> Iterator[Callable[[Brand], Caller]]:
    with ExitStack() as stack:

        def make(brand: Brand) -> Caller:
            app = create_app(settings_of(brand.settings.home))
            stack.callback(app.extensions["attune"].close)
            with brand.store.begin() as tx:
                key = keys.create(tx, NewKey("ann", ["read", "data", "review", "operate"]))[1]
            return Caller(app, key)

        yield make


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_tiny(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture
def brand(base: Path, tmp_path: Path) -> Iterator[Brand]:
    with brand_at(tmp_path / "home", base) as made:
        yield made


def test_unlabelled_messages_become_labels_of_the_next_dataset_over_http(
    brand: Brand, make_caller: Callable[[Brand], Caller]
) -> None:
    caller, admin = make_caller(brand), f"/admin/bots/{BOT}"
    at = f"{admin}/suggestions"
    taken = caller.ask("POST", f"/bots/{BOT}/uploads?rights_attested=true", 202, data=unlabelled())
    brand.work(_job(brand, taken["id"]), lambda context: run_import(context, brand.settings))

    asked = caller.ask("POST", f"{admin}/discoveries", 202)
    assert caller.ask("POST", f"{admin}/discoveries", 202)["id"] == asked["id"], "it is under way"
    done = brand.work(_job(brand, asked["id"]), lambda context: discover(context, brand.settings, lambda event: None))
    assert done.result is not None, done.error
    assert caller.ask("POST", f"{admin}/discoveries", 202)["id"] == asked["id"], "nothing has changed"
    assert caller.ask("POST", f"{admin}/discoveries", 202, json={"seed": 1})["id"] != asked["id"]
    (told,) = caller.ask("GET", f"/bots/{BOT}/discoveries")["data"]
    facts = told["facts"]
    assert told["id"] == done.result["discovery"]
    assert (facts["turns"], facts["base"]) == (len(sample()), DEFAULT)

    found = caller.all_of(f"/bots/{BOT}/suggestions", 2)
    assert len({one["id"] for one in found}) == facts["suggestions"] == len(found)
    assert sum(one["turns"] for one in found) == facts["covered"]
    said = {one["id"]: caller.all_of(f"/bots/{BOT}/suggestions/{one['id']}/turns", 20) for one in found}
    known = sample()  # what names a person reads otherwise by now
    pure = [Counter(known.get(turn["text"]) for turn in turns).most_common(1)[0][1] for turns in said.values()]
    assert sum(pure) / facts["covered"] > 0.8, "most of a group means the same"
    assert all(len(said[one["id"]]) == one["turns"] for one in found)

    first, second, third, *_ = found
    shown = caller.ask("GET", f"/bots/{BOT}/suggestions/{first['id']}?limit=3")
    assert shown["utterances"] == said[first["id"]][:3]
    assert shown["outlook"]["undecided"] == first["turns"]
    renamed = caller.ask("POST", f"{at}/{first['id']}/rename", json={"name": "my_intent", "revision": 1})
    assert (renamed["name"], renamed["revision"]) == ("my_intent", 2)
    caller.ask("POST", f"{at}/{first['id']}/accept", 409, json={"revision": 1})
    ids = [second["id"], third["id"]]
    merged = caller.ask("POST", f"{at}/merge", json={"suggestions": ids, "revision": 1})
    assert (merged["id"], merged["turns"]) == (second["id"], second["turns"] + third["turns"])
    caller.ask("GET", f"/bots/{BOT}/suggestions/{third['id']}", 404)
    kept, out = caller.ask("POST", f"{at}/{second['id']}/split")["data"]
    assert [(kept["id"], kept["turns"]), (out["name"] != kept["name"], out["turns"])] == [
        (second["id"], second["turns"]),
        (True, third["turns"]),
    ]
    again = {"headers": {"Idempotency-Key": "once"}}
    leaving = [{name: turn[name] for name in ("conversation", "place")} for turn in said[second["id"]][:2]]
    parts = caller.ask("POST", f"{at}/{kept['id']}/split", json={"turns": leaving}, **again)
    assert caller.ask("POST", f"{at}/{kept['id']}/split", json={"turns": leaving}, **again) == parts
    assert [part["turns"] for part in parts["data"]] == [second["turns"] - 2, 2]

    accepted = caller.ask("POST", f"{at}/{first['id']}/accept", json={"revision": 2})
    assert accepted["outlook"]["why"] == f"It labels {first['turns']} messages in the next dataset."
    assert labels(brand.store, brand.settings, brand.bot_id)["my_intent"] == first["turns"]
    assert "my_intent" in {one["name"] for one in caller.ask("GET", f"/bots/{BOT}")["profile"]["intents"]}
    caller.ask("POST", f"{at}/{first['id']}/rename", 409, json={"name": "late"})
    assert caller.ask("POST", f"{at}/{first['id']}/dismiss")["state"] == "dismissed"
    assert set(labels(brand.store, brand.settings, brand.bot_id)) == {None}

    with brand.store.read() as tx:
        written = [line for line in audit.page(tx, limit=100) if line.object in {*ids, first["id"]}]
    assert {line.action.rpartition(".")[2] for line in written} == {"rename", "merge", "split", "accept", "dismiss"}
    (line,) = [line for line in written if line.action.endswith("merge")]
    assert third["id"] in (line.reason or ""), "it is there no more: the log says where it went"
    assert brand.is_sound()


def _job(brand: Brand, job_id: str) -> Any:
    with brand.store.read() as tx:
        return jobs.get(tx, job_id)


def test_unlabelled_messages_become_labels_of_the_next_dataset_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, file = tmp_path / "home", tmp_path / "chats.jsonl"
    file.write_bytes(unlabelled())

    def attune(*arguments: object, code: int = 0) -> Any:
        capsys.readouterr()
        line = [*map(str, arguments), "--json", "--home", str(home)]
        assert run(line, lambda args: [sys.executable, "-m", "trainer", *args]) == code, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    def ids(told: Any) -> list[str]:
        return [one["id"] for one in told["suggestions"]]

    attune("init", BOT)
    attune("import", BOT, file)
    told = attune("discover", BOT, "--base", DEFAULT)
    assert told["turns"] == len(sample())
    assert attune("discover", BOT, "--base", DEFAULT)["job"] == told["job"]
    assert ids(told) == ids(attune("intents", BOT))
    first, second, third, *_ = ids(told)
    shown = attune("intents", BOT, first, "--limit", "2")
    assert len(shown["utterances"]) == 2
    attune("intents", BOT, "--rename", first, "--as", "my_intent")
    (merged,) = attune("intents", BOT, "--merge", second, third)["suggestions"]
    kept, out = attune("intents", BOT, "--split", second)["suggestions"]
    assert kept["turns"] + out["turns"] == merged["turns"]
    place = attune("intents", BOT, second)["utterances"][0]
    named = f"{place['conversation']}:{place['place']}"
    assert attune("intents", BOT, "--split", second, "--turn", named)["suggestions"][1]["turns"] == 1
    accepted = attune("intents", BOT, "--accept", first)["suggestions"][0]
    assert (accepted["state"], accepted["name"]) == ("accepted", "my_intent")
    for wrong in (
        ("--accept", first, "--dismiss", first),
        ("--accept", second, "--accept", out["id"], "--as", "both"),
        ("--rename", second),
        ("--split", second, "--turn", "nowhere"),
        ("--state", "odd"),
    ):
        assert attune("intents", BOT, *wrong, code=2)["error"]["code"] == "usage_invalid"
    settings = settings_of(home)
    with open_store(settings.store_url, home=home) as store:
        with store.read() as tx:
            bot_id = bots.get(tx, BOT).id
        assert labels(store, settings, bot_id)["my_intent"] == accepted["turns"]
        attune("intents", BOT, "--dismiss", first)
        assert labels(store, settings, bot_id)["my_intent"] == 0
    assert ids(attune("intents", BOT, "--state", "dismissed")) == [first]


def test_who_is_forgotten_stands_behind_no_suggestion_and_in_no_dataset(
    brand: Brand, make_caller: Callable[[Brand], Caller]
) -> None:
    caller, at = make_caller(brand), f"/admin/bots/{BOT}/suggestions"
    lines = [json.loads(line) for line in log(60, labelled=False, answered=False, intents=("refund",)).splitlines()]
    for number in range(6):
        text = f"my {MARKER} number {number} will not eat the silver refund parcel"
        lines.append({"id": f"ann-{number}", "customer": PERSON, "messages": [{"role": "user", "content": text}]})
    brand.take_in("\n".join(json.dumps(line) for line in lines).encode())
    with brand.store.begin() as tx:
        job = jobs.enqueue(tx, "discover", {"base": str(brand.base)}, bot_id=brand.bot_id)
    done = brand.work(job, lambda context: discover(context, brand.settings, lambda event: None))
    assert done.state == "succeeded", done.error

    mine: list[tuple[str, Place]] = []
    with brand.store.begin() as tx:
        for one in suggestions.page(tx, brand.bot_id, limit=100):
            said = suggested_turns.utterances(tx, one.id, 100)
            mine += [(one.id, turn.place) for turn in said if MARKER in turn.text]
    assert len(mine) > 1
    whose = Counter(suggestion for suggestion, _ in mine).most_common(1)[0][0]
    caller.ask("POST", f"{at}/{whose}/rename", json={"name": "silver_refund"}, headers={"Idempotency-Key": "kept"})
    own = [place for suggestion, place in mine if suggestion == whose]
    with brand.store.begin() as tx:
        parts = split(tx, brand.bot_id, whose, Review("ann"), own)
        assert MARKER in " ".join(parts[1].terms)
    caller.ask("POST", f"{at}/{whose}/accept")
    assert labels(brand.store, brand.settings, brand.bot_id)["silver_refund"] == parts[0].turns

    erase(brand, "customer", PERSON)
    with brand.store.read() as tx:
        left = {one.id for one in suggestions.page(tx, brand.bot_id, limit=100)}
        behind = {turn.place for one in left for turn in suggested_turns.behind(tx, one)}
    assert parts[1].id not in left, "only that person stood behind it"
    assert behind.isdisjoint(place for _, place in mine)
    assert labels(brand.store, brand.settings, brand.bot_id)["silver_refund"] == parts[0].turns
    assert traces(brand.settings.home, MARKER) == []
    assert brand.is_sound()
