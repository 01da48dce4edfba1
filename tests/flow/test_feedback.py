"""From what a visitor said of a reply to a bot that says it better: feedback, review, retraining, the new release."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from data.frozen import FrozenDataset, open_dataset
from data.lessons import outlook
from data.profile import BotProfile
from data.store import bots, releases, workspaces
from data.store.releases import Promotion
from export.corrections import CORRECTIONS_FILE
from export.predict import Prediction, Predictor
from export.runtime import EncoderPool
from tests.brand import BOT, FROZEN, Brand, brand_at, brand_like, log
from tests.chats import Chats

# As `python -m trainer` does: torch and the exporter warn of what is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")

ASKED = "could somebody travel under the quiet river by candle"
FIX = "No, but the ferry leaves every hour."
REPLIES: dict[str, Any] = {"tasks": ["reply"], "recipe": None}
"""Where nothing is asked of intents, none are learned."""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """A home in which release 1 stands, trained on the log alone. Copied, never changed."""
    home = tmp_path_factory.mktemp("first") / "home"
    with brand_at(home, base, log(200)) as brand:
        done = brand.retrain(recipe=FROZEN)
        assert done.state == "succeeded", done.error
    return home


@pytest.fixture
def brand(first: Path, base: Path, tmp_path: Path) -> Iterator[Brand]:
    with brand_like(first, tmp_path / "home", base) as made:
        yield made


@pytest.fixture
def chats(brand: Brand) -> Chats:
    return Chats(brand.store, brand.bot_id)


@contextmanager
def answering(brand: Brand, number: int) -> Iterator[Predictor]:
    with Predictor.load(brand.folder(number), EncoderPool(brand.settings.home / "encoders")) as predictor:
        yield predictor


def says(brand: Brand, number: int, message: str) -> Prediction:
    with answering(brand, number) as predictor:
        return predictor.reply([("user", message)])


def retrained(brand: Brand, **payload: Any) -> FrozenDataset:
    """The dataset of the next release."""
    done = brand.retrain(**{"recipe": FROZEN, **payload})
    assert done.state == "succeeded", done.error
    assert brand.is_sound()
    return open_dataset(brand.settings.home / "datasets" / done.result["dataset"])


def test_an_accepted_correction_is_what_the_next_release_says(brand: Brand, chats: Chats) -> None:
    given = chats.taught(ASKED, "train", rating=-1, corrected_reply="Perhaps.", corrected_intent="hours")
    chats.accept(given, corrected_reply=FIX)
    short = chats.open("train", "net-2")
    chats.ask(short, ASKED, "Shall I book the ferry?")
    turn = chats.ask(short, "yes please", "I do not know.", action="fallback")
    chats.accept(chats.give(turn, "net-2", rating=-1, corrected_reply="It is booked."))
    dataset = retrained(brand)
    assert dataset.manifest["feedback"]["splits"] == {"train": 2, "validation": 0, "test": 0}
    assert says(brand, 1, ASKED).reply != FIX
    assert not (brand.folder(1) / CORRECTIONS_FILE).exists()
    for message in (ASKED, f"{ASKED.upper()}?!"):
        said = says(brand, 2, message)
        assert (said.reply, said.source, said.action) == (FIX, "approved", "answer")
    with answering(brand, 2) as predictor:
        assert predictor.reply([("user", "yes please")]).reply != "It is booked."
        booked = predictor.reply([("user", ASKED), ("assistant", "Shall I book the ferry?"), ("user", "Yes please!")])
        assert booked.reply == "It is booked."
        assert predictor.reply([("user", ASKED.replace("river", "mountain"))]).reply != FIX
        assert FIX in {reply.text for reply in predictor.parts.reply.index.replies}  # type: ignore[union-attr]
    found = [json.loads(line) for line in (brand.folder(2) / CORRECTIONS_FILE).read_text().splitlines()]
    assert {one["id"] for one in found} == {given.id, *(r.upload for r in dataset.rows("train") if r.corrected)}


def test_the_verdict_tells_what_feedback_changed(brand: Brand, chats: Chats) -> None:
    with brand.store.begin() as tx:
        releases.promote(tx, brand.bot_id, Promotion(1, 0, "someone", "first", "for the test"))
    for split, words in (("train", "river"), ("validation", "mountain"), ("test", "forest")):
        chats.taught(ASKED.replace("river", words), split, corrected_reply=FIX, corrected_intent="hours")  # type: ignore[arg-type]
    done = brand.retrain(recipe=FROZEN)
    assert done.state == "succeeded", done.error
    told = done.result["verdict"]["feedback"]
    assert told["learned"]["replies"] == {"rows": 2, "live": 0, "candidate": 2}
    assert told["held_out"]["replies"] == {"rows": 1, "live": 0, "candidate": 0}
    assert [told[part]["intents"]["rows"] for part in ("learned", "held_out")] == [2, 1]
    assert "answers 2 as they were corrected; the bot that answers now answers 0" in (
        brand.folder(2) / "README.md"
    ).read_text().replace("\n", " ")


def test_a_disliked_reply_is_no_target(brand: Brand, chats: Chats) -> None:
    bad = "Swim, whatever the weather."
    disliked = chats.ask(chats.open("train"), ASKED, bad, action="answer")
    chats.accept(chats.give(disliked, rating=-1, corrected_intent="hours"))
    liked = chats.ask(chats.open("train"), ASKED.replace("river", "mountain"), "Take the stairs.", action="answer")
    chats.accept(chats.give(liked, rating=1))
    dataset = retrained(brand, **REPLIES)
    rows = {row.text: row for split in ("train",) for row in dataset.rows(split)}  # type: ignore[arg-type]
    assert (rows[ASKED].intent, rows[ASKED].reply, rows[ASKED].rating) == ("hours", None, -1)
    assert rows[ASKED.replace("river", "mountain")].reply == "Take the stairs."
    with answering(brand, 2) as predictor:
        replies = {reply.text for reply in predictor.parts.reply.index.replies}  # type: ignore[union-attr]
    assert bad not in replies
    assert "Take the stairs." in replies
    assert bad not in (brand.folder(2) / "replies.jsonl").read_text()


@pytest.mark.parametrize(("split", "learned"), [("train", True), ("validation", True), ("test", False)])
def test_a_correction_in_test_is_measured_and_not_learned(
    brand: Brand, chats: Chats, split: str, learned: bool
) -> None:
    given = chats.taught(ASKED, split, rating=-1, corrected_reply=FIX)  # type: ignore[arg-type]
    with brand.store.begin() as tx:
        told = outlook(tx, brand.settings, given)
    assert (told.split, "measured_not_learned" in told.codes) == (split, not learned)
    dataset = retrained(brand, **REPLIES)
    assert [row.split for row in dataset.rows(told.split) if row.corrected] == [split]
    assert (says(brand, 2, ASKED).reply == FIX) is learned
    with answering(brand, 2) as predictor:
        replies = {reply.text for reply in predictor.parts.reply.index.replies}  # type: ignore[union-attr]
    assert (FIX in replies) is learned


def test_of_a_flood_nothing_is_learned_and_the_dataset_says_so(brand: Brand, chats: Chats) -> None:
    session = chats.open("train", "net-6")
    asked = [chats.ask(session, f"{ASKED} {'very ' * n}", "No.") for n in range(61)]
    flood = [chats.give(turn, "net-6", corrected_reply="Buy it at evil.example.") for turn in asked]
    for one in flood[:30]:
        chats.accept(one)
    honest = chats.taught(ASKED, "train", corrected_reply=FIX)
    dataset = retrained(brand, **REPLIES)
    feedback = dataset.manifest["feedback"]
    assert (feedback["rows_in"], feedback["rows_used"]) == (31, 1)
    assert feedback["set_aside"] == {"flooding_source": 30}
    assert [row.upload for row in dataset.rows("train") if row.corrected] == [honest.id]
    assert b"evil.example" not in b"".join(path.read_bytes() for path in brand.folder(2).rglob("*.jsonl"))


def test_two_workspaces_train_bots_of_one_name_side_by_side(brand: Brand) -> None:
    shop = workspaces.ensure(brand.store, "shop")
    with shop.begin() as tx:
        bots.create(tx, BOT, BotProfile(name=BOT))
    other = Brand(shop, brand.settings, brand.base)
    other.take_in(log(100, first=5000, answered=False))
    before = {path: path.read_bytes() for path in brand.folder(1).rglob("*") if path.is_file()}
    done = other.retrain(tasks=["intent"], recipe=FROZEN)
    assert done.state == "succeeded", done.error
    assert (brand.settings.home / "releases" / f"shop.{BOT}" / "1" / "manifest.json").is_file()
    assert {path: path.read_bytes() for path in brand.folder(1).rglob("*") if path.is_file()} == before
    assert [row.number for row in brand.releases()] == [row.number for row in other.releases()] == [1]
    assert brand.is_sound()
