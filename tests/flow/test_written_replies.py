"""A retraining that also learns to write: from logs to a release whose bot writes where nothing said before fits."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.errors import Diverged, InUse
from data.frozen import open_dataset
from data.schema import TASKS
from data.store import datasets, releases, runs
from data.store.releases import Promotion
from data.store.runs import Run
from export.decoder_pool import DecoderPool
from export.predict import Predictor
from export.release import open_release, verify_release
from export.runtime import EncoderPool
from tests.brand import FILLER, FROZEN, Brand, brand_at, brand_like, log
from tests.chats import Chats
from tests.person import erase
from tests.tiny_chat import lay_chat
from trainer import order as orders
from trainer.bases.shelf import Wanted, import_base, remove_base
from trainer.generation import generator_work
from trainer.generation.preference import FEWEST

RECIPE = {
    "name": "test", "task": "generate", "method": "full", "max_length": 128, "epochs": 2, "batch_tokens": 1024,
    "learning_rate": 1e-2, "precision": "32-true",
}  # fmt: skip


@pytest.fixture(scope="module")
def brand(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brand]:
    home = tmp_path_factory.mktemp("writes")
    with brand_at(home / "home", base, log(200)) as made:
        wanted = Wanted(str(lay_chat(home / "chat")), "theirs", "cc-by-nc-4.0")
        shown = import_base(made.settings, wanted)
        import_base(made.settings, replace(wanted, accepted=shown["digest"]))
        job = made.retrain(tasks=["reply", "generate"], recipe={**RECIPE, "base": "theirs"})
        assert job.state == "succeeded", job.error
        yield made


def loaded(brand: Brand) -> Predictor:
    home = brand.settings.home
    return Predictor.load(brand.folder(1), EncoderPool(home / "encoders"), DecoderPool(home))


def test_the_release_names_what_writes_for_it(brand: Brand) -> None:
    release = verify_release(brand.folder(1), brand.settings.home / "encoders")
    assert set(release.facts.decoders) == {"generate"}
    assert release.has("voice.json")
    told = release.facts.lineage["writing"]
    assert told["replies"]["candidate"]["value"] < told["replies"]["base"]["value"]
    assert release.facts.lineage["recipes"]["generate"]["epochs"] == 2
    (row,) = brand.releases()
    assert row.verdict is not None
    assert row.verdict["parity"]["generate"]["fp32"]["passed"] is True
    told = row.verdict["models"]
    assert told["candidate"]["bits_per_byte"]["value"] < told["base"]["bits_per_byte"]["value"]
    assert "generate" in (brand.folder(1) / "README.md").read_text()


def test_what_it_wrote_in_held_out_conversations_is_measured_and_told(brand: Brand) -> None:
    told = open_release(brand.folder(1)).facts.lineage["writing"]["texts"]
    assert told["rows"] > 10
    assert 0 <= told["chrf"]["low"] <= told["chrf"]["value"] <= told["chrf"]["high"] <= 1
    assert told["length"]["reference_words"] > 1
    for name in ("repetition", "copies", "copied_span", "ungrounded", "flawed", "empty"):
        assert 0 <= told[name]["value"] <= 1
    assert "worst" not in told
    card = (brand.folder(1) / "README.md").read_text()
    assert f"What it wrote in {told['rows']} conversations of the validation split" in card
    assert f"{told['chrf']['value']:.3f} (" in card


def generator_run(brand: Brand) -> Run:
    with brand.store.read() as tx:
        (run,) = [one for one in runs.list_for(tx, brand.bot_id) if one.task == "generate"]
    return run


def test_the_run_alone_keeps_what_was_learned_and_written(brand: Brand) -> None:
    """Words of conversations stand in no card and no manifest: those are passed on."""
    metrics = generator_run(brand).metrics
    assert metrics is not None
    quoted = metrics["quotes"]
    with brand.store.read() as tx:
        (one,) = datasets.list_for(tx, brand.bot_id)
    dataset = open_dataset(brand.settings.home / "datasets" / one.fingerprint)
    learned = {row.reply for row in dataset.rows("train")}
    told, _, reply = quoted["example"].partition("[[")
    assert reply.removesuffix("]]") in learned
    assert told.strip()
    assert 0 < len(quoted["worst"]) <= 5
    held = {row.reply for row in dataset.rows("validation")}
    assert {row["reference"] for row in quoted["worst"]} <= held
    folder = brand.folder(1)
    for name in ("README.md", "manifest.json", "verdict.json"):
        assert quoted["worst"][0]["reference"] not in (folder / name).read_text()


def test_on_whose_terms_it_writes_is_told_and_its_base_stays(brand: Brand) -> None:
    (row,) = brand.releases()
    assert row.manifest is not None
    told = row.manifest["lineage"]["writing"]
    assert (told["base"], told["licence"], told["licence_limits"]) == ("theirs", "cc-by-nc-4.0", ["non-commercial"])
    card = (brand.folder(1) / "README.md").read_text()
    assert 'license: "other"' in card
    assert "chat: cc-by-nc-4.0" in card
    with pytest.raises(InUse, match="@1"):
        remove_base(brand.settings, "theirs")


def test_corrections_are_learned_by_the_method_that_the_order_names(base: Path, tmp_path: Path) -> None:
    with brand_at(tmp_path / "home", base, log(160)) as made:
        chats = Chats(made.store, made.bot_id)
        for at in range(FEWEST + 4):
            words = random.Random(at).sample(FILLER, 8)
            better = f"{' '.join(words[5:]).capitalize()}. Kind regards."
            said = chats.ask(chats.open("train", f"net-{at}"), " ".join(words[:5]), "We say so.", action="answer")
            chats.accept(chats.give(said, f"net-{at}", rating=-1, corrected_reply=better))
        recipe = {**RECIPE, "base": str(lay_chat(tmp_path / "chat")), "preference": "orpo"}
        events: list[Mapping[str, Any]] = []
        job = made.retrain(events.append, tasks=["reply", "generate"], recipe=recipe)
        assert job.state == "succeeded", job.error
        writing = open_release(made.folder(1)).facts.lineage["writing"]
        assert writing["reviews"]["recipe"]["method"] == "orpo"
        assert writing["reviews"]["pairs"] == FEWEST + 4
        assert writing["reviews"]["after"]["margin"] > writing["reviews"]["before"]["margin"]
        assert [event["stage"] for event in events if event["type"] == "example"] == ["generate", "prefer"]


def test_the_bot_writes_where_it_may(brand: Brand) -> None:
    """The threshold that so small a model earned is none; with one, it writes, and says where the words come from."""
    with loaded(brand) as bot:
        assert bot.parts.drafting is not None
        profile = bot.parts.profile.model_copy(update={"reply_mode": "generative"})
        bars = replace(bot.parts.thresholds, generated=-1.0, answer=None, oos=-1.0)
        eager = Predictor(replace(bot.parts, thresholds=bars, profile=profile))
        said = eager.reply([("user", "refund money paid")])
        (draft,) = said.drafts
        assert draft.tokens > 0
        assert (said.source == "generated") == (not draft.flaws)
        assert json.dumps(said.to_wire())
        assert eager.reply([("user", "refund money paid")]) == said
        assert eager.reply([("user", " ")]).drafts == ()
        assert eager.reply([]).drafts == ()
        gone = eager.reply([("user", "refund money paid")], cancelled=lambda: True)
        assert gone.drafts[0].flaws
        assert gone.source != "generated"


def test_what_it_would_write_is_told_whatever_it_says(brand: Brand) -> None:
    """The demo shows it beside what was selected."""
    with loaded(brand) as bot:
        draft = bot.draft([("user", "refund money paid")])
        assert draft is not None
        assert draft.tokens > 0
        assert bot.draft([]) is None
        assert bot.draft([("user", " ")]) is None
        assert Predictor(replace(bot.parts, drafting=None)).draft([("user", "refund money paid")]) is None


def test_a_candidate_that_lost_its_generator_does_not_take_the_place_of_one_that_writes(
    brand: Brand, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise Diverged("The loss is not a number.")

    monkeypatch.setattr(generator_work, "write", failing)
    monkeypatch.setattr(orders, "CHAT", "theirs")
    with brand_like(brand.settings.home, tmp_path / "home", base) as copy:
        with copy.store.begin() as tx:
            releases.promote(tx, copy.bot_id, Promotion(1, 0, "test", "it writes", "to have one that does"))
        job = copy.retrain(tasks=list(TASKS), recipe=FROZEN)
        assert job.state == "succeeded", job.error
        verdict = copy.releases()[-1].verdict
    assert verdict is not None
    assert verdict["decision"] != "promote"
    assert any("could not be trained, does not" in reason for reason in verdict["reasons"])


def test_evaluation_writes_nothing(brand: Brand) -> None:
    with loaded(brand) as bot:
        assert bot.reply_many([[("user", "refund money paid")]])[0].drafts == ()


def test_without_a_pool_of_decoders_nothing_is_written(brand: Brand) -> None:
    with Predictor.load(brand.folder(1), EncoderPool(brand.settings.home / "encoders")) as bot:
        assert bot.parts.drafting is None


def test_too_few_replies_leave_it_out(base: Path, tmp_path: Path) -> None:
    with brand_at(tmp_path / "home", base, log(60)) as few:
        job = few.retrain(tasks=["reply", "generate"], chat_base=str(lay_chat(tmp_path / "chat")))
        assert job.state == "succeeded", job.error
        (left,) = [event.data for event in few.events(job) if event.type == "generate"]
        assert "replies of the brand" in left["left_out"]
        assert open_release(few.folder(1)).facts.decoders == {}


def test_a_release_that_would_only_write_says_what_else_it_needs(base: Path, tmp_path: Path) -> None:
    with brand_at(tmp_path / "home", base, log(60)) as made:
        job = made.retrain(tasks=["generate"])
        assert job.state == "failed"
        assert "neither, but generate" in job.error["message"]
        assert "--task reply" in job.error["remedy"]


def test_a_chat_base_that_is_not_there_fails_the_job(base: Path, tmp_path: Path) -> None:
    with brand_at(tmp_path / "home", base, log(200)) as made:
        job = made.retrain(tasks=["reply", "generate"], chat_base=str(tmp_path / "nowhere"))
        assert job.state == "failed"
        assert job.error is not None
        assert job.error["code"] == "base_refused"


def test_a_generator_of_its_own_is_gone_with_whom_it_learned_from(brand: Brand, base: Path, tmp_path: Path) -> None:
    with brand_like(brand.settings.home, tmp_path / "home", base) as copy:
        with copy.store.read() as tx:
            (one,) = datasets.list_for(tx, copy.bot_id)
        rows = open_dataset(copy.settings.home / "datasets" / one.fingerprint).rows("train")
        told = erase(copy, "conversation", next(rows).conversation)
        assert [one["rewritten"] for one in told["releases"]] == [True]
        assert list((copy.settings.home / "decoders").iterdir()) == []
        metrics = generator_run(copy).metrics
        assert metrics is not None
        assert "quotes" not in metrics
        assert metrics["texts"]["rows"] > 10
        assert verify_release(copy.folder(1), copy.settings.home / "encoders").facts.decoders == {}
        assert copy.is_sound()
