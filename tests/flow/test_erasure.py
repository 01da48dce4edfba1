"""A person is forgotten: imported in several forms, trained on, chatted with, corrected, and then in no byte of it."""

from __future__ import annotations

import gzip
import json
import shutil
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from data.erasing.job import run_erasure
from data.erasing.request import Asked, request_erasure
from data.files import Blobs
from data.ingest import request_import, run_import
from data.store import feedback, open_store, releases, uploads
from data.store.erasures import Kind
from data.store.releases import Promotion
from data.store.uploads import NewUpload, Upload
from export.replies import ReplyIndex
from export.unsaid import unsay
from tests.brand import FROZEN, VOCABULARY, Brand, brand_at, log
from tests.chats import Chats
from tests.erased import traces
from tests.unit.trainer.conftest import lay_tiny

# As `python -m trainer` does: torch and the exporter warn of what is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")

MARKER = "zebrafinch"
PERSON = "Ann.Vogel@example.org"
SHARED = "We answer that on every working day."
NAMELESS = f"the {MARKER} in the garden is ill"


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
    with brand.store.begin() as tx:
        upload, job = request_import(tx, brand.bot_id, NewUpload(name, blob.digest, blob.size, {}, dry_run=look))
    brand.work(job, lambda context: run_import(context, brand.settings))
    with brand.store.read() as tx:
        return uploads.get(tx, upload.id)


def furnish(brand: Brand) -> None:
    """The person in many files, beside all others."""
    take(brand, "log.jsonl", lines(others(200) + person()))
    table = ["conversation,customer,role,text"]
    for one in person(first=20, count=3):
        table += [f"{one['id']},{PERSON},{m['role']},\"{m['content']}\"" for m in one["messages"]]
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


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lay_tiny(tmp_path_factory.mktemp("bases") / "tiny", more=VOCABULARY)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """A home in which the person is everywhere. Copied, never changed."""
    home = tmp_path_factory.mktemp("first") / "home"
    with brand_at(home, base) as brand:
        furnish(brand)
        chats = Chats(brand.store, brand.bot_id)
        chats.taught(f"does the {MARKER} sing", corrected_reply=f"Yes, the {MARKER} sings.", comment=f"oh {MARKER}")
        done = brand.retrain(recipe=FROZEN)
        assert done.state == "succeeded", done.error
        with brand.store.begin() as tx:
            live = Promotion(1, 0, "test", "the first", override_reason="a test")
            releases.promote(tx, brand.bot_id, live)
        index = ReplyIndex.load(brand.folder(1))
        told = next(reply.text for reply in index.replies if MARKER in reply.text)
        detail = {"candidates": [{"reply": told, "score": 0.9, "intent": None, "count": 1}], "reason": "reply"}
        chats.ask(chats.open(), "is anybody there", told, source="retrieved", action="answer", release=1, detail=detail)
        (home / "backups").mkdir(exist_ok=True)
        (home / "backups" / "before-0003.db").write_bytes(MARKER.encode())
        (home / "logs").mkdir(exist_ok=True)
        (home / "logs" / "worker.log").write_bytes(MARKER.encode())
        (home / "tmp" / "left").mkdir(parents=True)
        (home / "tmp" / "left" / "words").write_bytes(MARKER.encode())
    return home


@pytest.fixture
def brand(first: Path, base: Path, tmp_path: Path) -> Iterator[Brand]:
    home = tmp_path / "home"
    shutil.copytree(first, home)
    with brand_at(tmp_path / "other", base) as other:
        settings = other.settings.model_copy(update={"home": home})
    with open_store(settings.store_url, home=home) as store:
        yield Brand(store, settings, base)


def erase(brand: Brand, kind: Kind, *names: str, dry_run: bool = False) -> dict[str, Any]:
    """Ask for it and work on it; the report."""
    with brand.store.begin() as tx:
        asked = Asked(kind, names, "a test", dry_run)
        _, job = request_erasure(tx, brand.settings.home, brand.bot_id, asked)
    done = brand.work(job, lambda context: run_erasure(context, brand.settings, unsay))
    assert done.state == "succeeded", done.error
    assert done.result is not None
    return done.result


def the_session(brand: Brand) -> str:
    with brand.store.read() as tx:
        (one,) = feedback.accepted(tx, brand.bot_id)
        return one.session_id


def test_after_a_person_was_erased_no_byte_speaks_of_them(brand: Brand) -> None:
    home = brand.settings.home
    assert traces(home, MARKER)
    session = the_session(brand)
    told = erase(brand, "customer", PERSON.lower(), PERSON)
    chat = erase(brand, "session", session)
    brand.store.close()
    assert traces(home, MARKER, PERSON, "ann.vogel") == []
    assert (told["conversations"], told["rows"] > 10, told["replies_told"]) == (17, True, 1)
    assert (chat["sessions"], chat["turns"], chat["feedback"]) == (1, 2, 1)
    assert brand.is_sound()
