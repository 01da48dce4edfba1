"""The whole loop over HTTP on the sample brand, as a business goes through it: logs in, a bot out, corrected, better.

The server and its worker are those that `attune serve` starts; nothing stands in for anything. The small recipe and the
first part of the logs keep it within a minute; what comes of all of them, and what the default recipe does, is the slow
tests' business.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.flow.served import Client, server

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
BOT = "otterbrook"
SMALL = {"task": "intent", "name": "loop-small", "method": "frozen", "folds": 2}
FIELDS = {
    "conversation": "ticket",
    "customer": "customer",
    "ts": "sent_at",
    "role": "author",
    "text": "message",
    "intent": "topic",
    "rating": "csat",
}
PART = {"chats.jsonl": 60, "helpdesk.csv": 60}
"""Lines of each log that name most intents a few times."""
ALL: Mapping[str, int] = {}
LONGEST = 2_400
"""Seconds of one training by what the data picks, on two cores that have other work."""
ASKED = "Do you happen to mend ukuleles as well?"
FIX = "We do not, but the music shop next door does, and they know us."


def upload(admin: Client, name: str, lines: int | None = None, **query: str) -> Any:
    """Upload a sample log, or its first `lines`, and wait for its report."""
    content = b"".join((SAMPLES / name).read_bytes().splitlines(keepends=True)[:lines])
    said = "&".join(f"{key}={value}" for key, value in {"rights_attested": "true", "name": name, **query}.items())
    job = admin.post(f"/v1/bots/{BOT}/uploads?{said}", content)
    done = admin.wait_for(job["id"], 120)
    assert done["state"] == "succeeded", done["error"]
    return admin.get(f"/v1/bots/{BOT}/uploads/{job['upload']}")


def retrain(admin: Client, **order: Any) -> int:
    """Train and wait for the release."""
    job = admin.post(f"/v1/admin/bots/{BOT}/retrain", order)
    assert admin.post(f"/v1/admin/bots/{BOT}/retrain", order)["id"] == job["id"], "the same again is the same job"
    done = admin.wait_for(job["id"], LONGEST)
    assert done["state"] == "succeeded", done["error"]
    kinds = [event["type"] for event in admin.get(f"/v1/jobs/{job['id']}/events?limit=100")["data"]]
    assert kinds[0] == "queued"
    assert "phase" in kinds
    return int(done["release"])


def visitor(client: Client, public: str) -> Client:
    opened = client.with_key(public).post(f"/v1/bots/{BOT}/sessions")
    assert opened["greeting"]
    return client.with_key(opened["token"])


def make_live(admin: Client, number: int) -> None:
    """Promote; what the verdict holds back is let through with a reason."""
    told = admin.promote(BOT, number)
    if told.status == 409:
        assert told.body["error"]["code"] == "promotion_gate_failed"
        told = admin.promote(BOT, number, override_reason="a test")
    assert told.status == 200, told.body
    assert told.body["release"] == number


def sample_brand(admin: Client, part: Mapping[str, int] = ALL) -> None:
    """The sample brand's bot and its logs, or as many lines of each as `part` says."""
    profile = tomllib.loads((SAMPLES / "profile.toml").read_text(encoding="utf-8"))
    admin.post("/v1/bots", {"name": BOT, "profile": profile}, Idempotency_Key="make-it")
    chats = upload(admin, "chats.jsonl", part.get("chats.jsonl"))
    fields = json.dumps(FIELDS).replace(" ", "").replace('"', "%22")
    desk = upload(admin, "helpdesk.csv", part.get("helpdesk.csv"), fields=fields)
    for one in (chats["report"], desk["report"]):
        assert one["rows_in"] == one["rows_used"] + sum(one["set_aside"].values())


def the_loop(home: Path, order: dict[str, Any], part: Mapping[str, int] = ALL) -> None:
    with server(home) as (admin, _):
        sample_brand(admin, part)
        first = retrain(admin, **order)
        assert admin.get(f"/v1/bots/{BOT}/releases/{first}")["card"].startswith("---")
        make_live(admin, first)
        public = _public_key(home)
        reply, given, session = _corrected(admin, public)
        assert (reply["release"], given["state"]) == (f"{BOT}@{first}", "pending")
        queue = admin.get(f"/v1/bots/{BOT}/feedback?state=pending")["data"]
        assert queue[0]["id"] == given["id"], "a disliked reply is worth most"
        accepted = admin.post(f"/v1/admin/bots/{BOT}/feedback/{given['id']}/accept")
        assert accepted["outlook"] == {**accepted["outlook"], "split": "train", "used": True}
        assert session.post(f"/v1/bots/{BOT}/chat", {"message": ASKED})["reply"] != FIX, "nothing is learned by itself"
        second = retrain(admin, **order)
        make_live(admin, second)
        better = visitor(admin, public).post(f"/v1/bots/{BOT}/chat", {"message": ASKED})
        assert (better["reply"], better["release"]) == (FIX, f"{BOT}@{second}")
        make_live(admin, first)
        again = visitor(admin, public).post(f"/v1/bots/{BOT}/chat", {"message": ASKED})
        assert (again["reply"], again["release"]) == (reply["reply"], f"{BOT}@{first}")
        moves = [move["release"] for move in admin.get(f"/v1/bots/{BOT}/live")["history"]]
        assert moves == [first, second, first]
        actions = [line["action"] for line in admin.get("/v1/admin/audit?limit=100")["data"]]
        assert actions.count("releases.promote") == 3
        assert {"bots.create", "uploads.create", "training.retrain", "feedback.accept"} <= set(actions)


def _public_key(home: Path) -> str:
    from data.settings import load_settings
    from data.store import bots, keys, open_store
    from data.store.keys import NewKey

    settings = load_settings(home, environ={})
    with open_store(settings.store_url, home=home) as store, store.begin() as tx:
        bot = bots.get(tx, BOT)
        return keys.create(tx, NewKey("page", (), "public", bot.id, ("https://otterbrook.example",)))[1]


def _corrected(client: Client, public: str) -> tuple[Any, Any, Client]:
    """A reply that was disliked and corrected, in a session whose feedback is learned from: one in ten is only
    measured, and which is settled by the session's id."""
    from data.split import split_of

    for _ in range(40):
        session = visitor(client, public)
        reply = session.post(f"/v1/bots/{BOT}/chat", {"message": ASKED, "message_id": "m1"})
        assert session.post(f"/v1/bots/{BOT}/chat", {"message": ASKED, "message_id": "m1"}) == reply
        if split_of(reply["session"]) == "train":
            break
    given = session.post(f"/v1/bots/{BOT}/feedback", {"turn": reply["turn"], "rating": -1})
    assert given["revision"] == 1
    said = {"turn": reply["turn"], "rating": -1, "corrected_reply": FIX}
    return reply, session.post(f"/v1/bots/{BOT}/feedback", said), session


@pytest.mark.timeout(900)
def test_a_correction_goes_all_the_way_round(tmp_path: Path) -> None:
    the_loop(tmp_path / "home", {"tasks": ["intent"], "recipe": SMALL}, PART)


@pytest.mark.slow
def test_a_correction_goes_all_the_way_round_with_all_logs(tmp_path: Path) -> None:
    the_loop(tmp_path / "home", {"tasks": ["intent"], "recipe": SMALL})


@pytest.mark.slow
@pytest.mark.timeout(3 * LONGEST)
def test_a_correction_goes_all_the_way_round_with_what_the_data_picks(tmp_path: Path) -> None:
    the_loop(tmp_path / "home", {})
