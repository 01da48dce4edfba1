"""Forgetting while `attune serve` answers: over HTTP, with its own worker, and nobody waits or hears of the person."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.store import bots, feedback, keys
from data.store.keys import SCOPES, NewKey
from tests.brand import BOT, VOCABULARY, Brand, brand_at
from tests.erased import traces
from tests.flow.served import Client, server
from tests.person import MARKER, PERSON, settle
from tests.tiny_bert import lay_tiny

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def brand(tmp_path: Path) -> Iterator[Brand]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = lay_tiny(tmp_path / "tiny", more=VOCABULARY)
    with brand_at(tmp_path / "home", base) as made:
        settle(made)
        yield made


def admin_key(brand: Brand) -> str:
    with brand.store.begin() as tx:
        return keys.create(tx, NewKey("all", SCOPES))[1]


def page_key(brand: Brand) -> str:
    with brand.store.begin() as tx:
        bot = bots.get(tx, BOT)
        return keys.create(tx, NewKey("page", (), "public", bot.id, ("https://acme.example",)))[1]


def erase(admin: Client, kind: str, *names: str, **more: object) -> dict[str, object]:
    asked = {"kind": kind, "names": list(names), **more}
    address, key = f"/v1/admin/bots/{BOT}/erasures", hashlib.sha256(repr(asked).encode()).hexdigest()
    told = admin.call("POST", address, asked, Idempotency_Key=key)
    assert told.status == 202, told.body
    assert told.headers["Location"] == f"/v1/jobs/{told.body['id']}"
    again = admin.call("POST", address, asked, Idempotency_Key=key)
    assert (again.body, again.headers["Idempotent-Replayed"]) == (told.body, "true")
    done = admin.wait_for(told.body["id"], 300)
    assert done["state"] == "succeeded", done["error"]
    found = admin.get(f"/v1/admin/bots/{BOT}/erasures/{told.body['erasure']}")
    assert (found["state"], found["ids"] == [], found["job"]) == ("finished", kind == "customer", told.body["id"])
    return dict(found["report"])


@pytest.mark.timeout(900)
def test_a_person_is_forgotten_while_the_bot_answers(brand: Brand, tmp_path: Path) -> None:
    home = brand.settings.home
    key, page = admin_key(brand), page_key(brand)
    with brand.store.read() as tx:
        (taught,) = feedback.accepted(tx, brand.bot_id)
    with server(home) as (client, _):
        admin = client.with_key(key)
        opened = client.with_key(page).post(f"/v1/bots/{BOT}/sessions")
        visitor = client.with_key(opened["token"])
        asked = {"message": f"does the {MARKER} sing"}
        before = visitor.post(f"/v1/bots/{BOT}/chat", asked)
        assert MARKER in before["reply"], "the correction is said word for word"
        assert admin.get(f"/v1/bots/{BOT}/turns/{before['turn']}/lineage")["release"] == 1
        looked = erase(admin, "customer", PERSON, dry_run=True)
        assert looked["releases"] == [{"release": 1, "rewritten": False}]
        told = erase(admin, "customer", PERSON)
        chat = erase(admin, "session", taught.session_id)
        mine = erase(admin, "session", opened["id"])
        assert (told["conversations"], chat["feedback"], mine["turns"]) == (17, 1, 2)
        assert visitor.call("POST", f"/v1/bots/{BOT}/chat", asked).status == 401, "the session is gone"
        fresh = client.with_key(client.with_key(page).post(f"/v1/bots/{BOT}/sessions")["token"])
        assert MARKER not in answer_of(fresh, "does the bird sing")
        assert traces(home, MARKER, PERSON) == [], "while the server runs"
        (release,) = admin.get(f"/v1/bots/{BOT}/releases")["data"]
        assert release["trained_on_erased_data"] is not None
        assert admin.get(f"/v1/bots/{BOT}/datasets/1")["successor"] is not None
        assert admin.call("GET", f"/v1/bots/{BOT}/datasets/1/rows").status == 409
        rows = admin.get(f"/v1/bots/{BOT}/datasets/{len(admin.get(f'/v1/bots/{BOT}/datasets')['data'])}/rows?limit=5")
        assert len(rows["data"]) == 5
        lines = admin.get("/v1/admin/audit?limit=100")["data"]
        assert [line["action"] for line in lines].count("erasures.create") == 4
        assert PERSON not in str(lines)
    assert traces(home, MARKER, PERSON) == [], "and once it has ended"
    shutil.rmtree(tmp_path / "tiny")


def answer_of(visitor: Client, message: str) -> str:
    return str(visitor.post(f"/v1/bots/{BOT}/chat", {"message": message})["reply"])
