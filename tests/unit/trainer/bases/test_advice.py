"""Which base is recommended, and why; and what is found out about each with a bot's own messages."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from data.errors import NotFound
from data.profile import BotProfile
from data.settings import Settings
from data.store import bots, open_store
from tests.brand import VOCABULARY, brand_at, log
from tests.tiny_bert import lay_tiny
from trainer.bases.advice import Advice, advise, recommend
from trainer.bases.foreign.licence import in_a_line
from trainer.bases.shelf import Wanted, import_base

ENGLISH = Advice("mini", "apache-2.0", (), "apache-2.0, free", ("en",), (), "ready", 90, 0.001, 8.0)
MANY = replace(ENGLISH, name="many", languages=("mul",), latency_ms=20.0)


@pytest.mark.parametrize(
    ("found", "name", "words"),
    [
        ([MANY, ENGLISH], "mini", "mini reads en, knows 99.9% of the tokens of the messages, and is the fastest"),
        ([replace(ENGLISH, missing=("de",)), MANY], "many", "many reads mul,"),
        ([replace(ENGLISH, unknown_share=0.3), MANY], "many", "many reads mul,"),
        ([replace(ENGLISH, limits=("non-commercial",)), MANY], "many", "on terms as good"),
        ([replace(ENGLISH, missing=("de",))], "mini", "but it does not name de: import a base that does"),
        ([replace(ENGLISH, licence="unknown"), MANY], "many", "many reads"),
        ([replace(ENGLISH, bytes=None)], None, "No base is here"),
        ([], None, "No base is here"),
    ],
)
def test_one_is_named_with_its_reason(found: list[Advice], name: str | None, words: str) -> None:
    best, reason = recommend(found)
    assert best == name
    assert words in reason


@pytest.mark.parametrize(
    ("licence", "limits", "words"),
    [
        ("apache-2.0", (), "its name tells of no limits"),
        ("cc-by-nc-sa-4.0", ("non-commercial", "share-alike"), "no commercial use; what is made from it"),
        ("cc-by-nd-4.0", ("no-derivatives",), "a tuned model too"),
        ("unknown", (), "nobody has named a licence"),
    ],
)
def test_terms_fit_in_a_line(licence: str, limits: tuple[str, ...], words: str) -> None:
    told = in_a_line(licence, limits)
    assert words in told
    assert "\n" not in told


@pytest.fixture(scope="module")
def advised(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A bot with messages, and one imported base that knows their words. Copied, never changed."""
    place = tmp_path_factory.mktemp("advised")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = lay_tiny(place / "theirs", more=VOCABULARY)
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\nlanguage: [de]\n---\n", "utf-8")
    with brand_at(place / "home", folder, log(120)) as brand:
        told = import_base(brand.settings, Wanted(str(folder), "theirs"))
        import_base(brand.settings, Wanted(str(folder), "theirs", accepted=told["digest"]))
        return brand.settings


@pytest.fixture
def settings(advised: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of one's own with both."""
    monkeypatch.setattr("trainer.bases.shelf.CATALOGUE", {})
    shutil.copytree(advised.home, tmp_path / "home")
    return advised.model_copy(update={"home": tmp_path / "home"})


def test_a_base_is_looked_at_with_the_messages_of_the_bot(settings: Settings) -> None:
    told = advise(settings, "acme")
    assert (told["bot"], told["messages"], told["recommended"]) == ("acme", 120, "theirs")
    assert "does not name en" in told["reason"]
    (one,) = told["bases"]
    assert (one["name"], one["languages"], one["missing"], one["state"]) == ("theirs", ("de",), ("en",), "ready")
    assert one["terms"] == "cc-by-nc-4.0, no commercial use"
    assert one["unknown_share"] < 0.01
    assert min(one[name] for name in ("bytes", "latency_ms", "seconds", "memory_bytes")) > 0
    assert not list((settings.home / "tmp").iterdir())


def test_a_damaged_base_is_listed_and_not_recommended(settings: Settings) -> None:
    weights = next((settings.home / "bases").glob("*/model.safetensors"))
    weights.chmod(0o600)
    weights.write_bytes(b"something else")
    told = advise(settings, "acme")
    assert told["recommended"] is None
    assert "is not the file that is known of it" in told["bases"][0]["state"]
    assert told["bases"][0]["seconds"] is None


def test_a_bot_without_messages_is_advised_by_languages_and_terms(settings: Settings) -> None:
    with open_store(settings.store_url, home=settings.home) as store, store.begin() as tx:
        bots.create(tx, "silent", BotProfile(name="silent", languages=("de",)))
    told = advise(settings, "silent")
    assert (told["messages"], told["recommended"]) == (0, "theirs")
    assert [told["bases"][0][name] for name in ("unknown_share", "latency_ms", "seconds")] == [None] * 3


def test_an_unknown_bot_is_refused(settings: Settings) -> None:
    with pytest.raises(NotFound):
        advise(settings, "nobody")
