"""A person who is everywhere in a small brand's home: in files of many forms, in what was trained on, in chats."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from typing import Any

from data.erasing.job import run_erasure
from data.erasing.request import Asked, request_erasure
from data.files import Blobs
from data.ingest import request_import, run_import, taken
from data.store import releases, uploads
from data.store.erasures import Kind
from data.store.jobs import Job
from data.store.releases import Promotion
from data.store.uploads import NewUpload, Upload
from export.replies import ReplyIndex
from export.unsaid import unsay
from tests.brand import Brand, log
from tests.chats import Chats

MARKER = "zebrafinch"
PERSON = "Ann.Vogel@example.org"
SHARED = "We answer that on every working day."
NAMELESS = f"the {MARKER} in the garden is ill"
REMEMBERS = {"task": "reply", "name": "remembers", "method": "frozen", "precedents": 0.25}
"""Replies are found by what was replied in like conversations, too, however few there are."""


def person(first: int = 0, count: int = 12) -> list[dict[str, Any]]:
    """Conversations of one person; the brand repeats the marker, and once says what it says to everybody."""
    made = []
    for number in range(first, first + count):
        asked = f"my {MARKER} number {number} will not eat the silver refund parcel"
        told = SHARED if number % 4 == 0 else f"We are sorry about {MARKER} number {number}, bring it to the station."
        messages = [{"role": "user", "content": asked, "intent": "refund"}, {"role": "agent", "content": told}]
        made.append({"id": f"ann-{number}", "customer": PERSON, "messages": messages})
    return made


def others(count: int) -> list[dict[str, Any]]:
    said = [json.loads(line) for line in log(count).splitlines()]
    for number, one in enumerate(said):
        one["customer"] = f"customer {number}"
        if number % 10 == 0:
            one["messages"][1]["content"] = SHARED
    return said


def lines(conversations: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(one) for one in conversations).encode()


def take(brand: Brand, name: str, content: bytes, *, look: bool = False) -> Upload:
    """Hand a file in and work on its import; it may be refused."""
    blob = Blobs(brand.settings.home).put(BytesIO(content), max_bytes=10**9)
    with taken(brand.store, blob.digest), brand.store.begin() as tx:
        upload, job = request_import(tx, brand.bot_id, NewUpload(name, blob.digest, blob.size, {}, dry_run=look))
    brand.work(job, lambda context: run_import(context, brand.settings))
    with brand.store.read() as tx:
        return uploads.get(tx, upload.id)


def furnish(brand: Brand) -> None:
    """The person in many files, beside all others."""
    take(brand, "log.jsonl", lines(others(200) + person()))
    table = ["conversation,customer,role,text"]
    for one in person(first=20, count=3):
        table += [f'{one["id"]},{PERSON},{m["role"]},"{m["content"]}"' for m in one["messages"]]
    take(brand, f"of {PERSON}.csv", "\n".join(table).encode())
    take(brand, "packed.jsonl.gz", gzip.compress(lines(person(first=30, count=2) + others(3))))
    nameless = [{"id": "x", "messages": one["messages"]} for one in person(count=2)]
    repeated = take(brand, "the same without a name.jsonl", lines([*nameless, *others(203)[200:]]))
    assert repeated.report is not None
    assert repeated.report["set_aside"] == {"duplicate_conversation": 4}
    odd = {"id": "odd", "customer": PERSON, "messages": [{"role": "pirate", "content": f"a {MARKER}"}]}
    assert take(brand, "odd.jsonl", lines([odd, *others(206)[203:]])).conversations == 3
    assert take(brand, "looked at.jsonl", lines(person(first=40, count=3)), look=True).state == "examined"
    assert take(brand, "refused.bin", f"\x00\x01{MARKER}".encode() * 20).state == "refused"


def settle(brand: Brand) -> None:
    """Have the person in files, chats and feedback, train on all of it, make that live, and leave traces about."""
    furnish(brand)
    chats = Chats(brand.store, brand.bot_id)
    chats.taught(f"does the {MARKER} sing", corrected_reply=f"Yes, the {MARKER} sings.", comment=f"oh {MARKER}")
    done = brand.retrain(recipe=REMEMBERS)
    assert done.state == "succeeded", done.error
    with brand.store.begin() as tx:
        releases.promote(tx, brand.bot_id, Promotion(1, 0, "test", "the first", override_reason="a test"))
    told = next(reply.text for reply in ReplyIndex.load(brand.folder(1)).replies if MARKER in reply.text)
    detail = {"candidates": [{"reply": told, "score": 0.9, "intent": None, "count": 1}], "reason": "reply"}
    chats.ask(chats.open(), "is anybody there", told, source="retrieved", action="answer", release=1, detail=detail)
    for name in ("backups/before-0003.db", "logs/worker.log", "logs/error-1.log", "tmp/left/words"):
        path = brand.settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(MARKER.encode())


def ask_to_erase(brand: Brand, kind: Kind, *names: str, dry_run: bool = False) -> Job:
    with brand.store.begin() as tx:
        return request_erasure(tx, brand.settings.home, brand.bot_id, Asked(kind, names, "a test", dry_run))[1]


def erase(brand: Brand, kind: Kind, *names: str, dry_run: bool = False) -> dict[str, Any]:
    """Ask for it and work on it; the report."""
    job = ask_to_erase(brand, kind, *names, dry_run=dry_run)
    done = brand.work(job, lambda context: run_erasure(context, brand.settings, unsay))
    assert done.state == "succeeded", done.error
    assert done.result is not None
    return done.result
