"""Brands whose adapters learn share one decoder of their base: each release lays its own adapter over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.doctor import repair
from data.errors import IntegrityError, NotFound
from data.frozen import open_dataset
from data.store import datasets
from export.decoder_pool import DecoderPool
from export.predict import Predictor
from export.release import verify_release
from export.runtime import EncoderPool
from tests.brand import Brand, brand_at, brand_like, log
from tests.person import erase
from tests.tiny_chat import lay_chat

RECIPE = {
    "name": "test", "task": "generate", "method": "lora", "lora_rank": 4, "max_length": 128, "epochs": 2,
    "batch_tokens": 1024, "learning_rate": 3e-2, "precision": "32-true",
}  # fmt: skip
ASKED = [("user", "refund money paid")]


@pytest.fixture(scope="module")
def brand(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brand]:
    """With two releases, learned by other seeds."""
    home = tmp_path_factory.mktemp("shares")
    with brand_at(home / "home", base, log(200)) as made:
        chat = lay_chat(home / "chat")
        for seed in (0, 1):
            recipe = {**RECIPE, "seed": seed, "base": str(chat)}
            job = made.retrain(tasks=["reply", "generate"], seed=seed, recipe=recipe)
            assert job.state == "succeeded", job.error
        yield made


def loaded(brand: Brand, number: int, decoders: DecoderPool) -> Predictor:
    return Predictor.load(brand.folder(number), EncoderPool(brand.settings.home / "encoders"), decoders)


def test_two_releases_name_one_decoder_and_an_adapter_each(brand: Brand) -> None:
    home = brand.settings.home
    first, second = (verify_release(brand.folder(number), home / "encoders").facts for number in (1, 2))
    assert first.decoders == second.decoders
    assert set(first.adapters) == set(second.adapters) == {"generate"}
    assert first.adapters != second.adapters
    assert [path.name for path in (home / "decoders").iterdir()] == [first.decoders["generate"]]
    assert {path.name for path in (home / "adapters").iterdir()} == {
        first.adapters["generate"],
        second.adapters["generate"],
    }
    for release in brand.releases():
        assert release.verdict is not None
        assert release.verdict["parity"]["generate"]["fp32"]["passed"] is True


def test_what_was_tuned_is_what_writes(brand: Brand) -> None:
    """Both tell apart what they learned from what the base knows; neither is the base, nor the other."""
    for release in brand.releases():
        assert release.verdict is not None
        told = release.verdict["models"]
        assert told["candidate"]["bits_per_byte"]["value"] < told["base"]["bits_per_byte"]["value"]
    pool = DecoderPool(brand.settings.home)
    with loaded(brand, 1, pool) as first, loaded(brand, 2, pool) as second:
        assert first.parts.drafting is not None
        assert second.parts.drafting is not None
        assert first.parts.drafting.writer.decoder is second.parts.drafting.writer.decoder
        ids = first.parts.drafting.writer.renderer.exchange(ASKED, "We refund money.", ()).ids
        one, other = (bot.parts.drafting.writer.log_likelihood(ids, 5) for bot in (first, second))  # type: ignore[union-attr]
        plain = first.parts.drafting.writer.decoder.log_likelihood(ids, 5)
        assert len({round(one, 3), round(other, 3), round(plain, 3)}) == 3
        said = [bot.draft(ASKED) for bot in (first, second, first)]
        assert said[0] == said[2]
        (decoder,), adapters = pool.loaded(), first.parts.drafting.writer.decoder.adapters
        assert {use.references for use in adapters.usage()} == {1}
        assert pool.size_bytes == decoder.size_bytes + sum(use.size_bytes for use in adapters.usage())
        second.close()
        first.draft(ASKED)
        assert [use.digest for use in adapters.usage()] == [first.parts.drafting.writer.adapter.name]  # type: ignore[union-attr]


def test_the_doctor_knows_what_releases_need(brand: Brand) -> None:
    assert brand.is_sound()


def test_a_release_whose_adapter_is_gone_or_damaged_is_not_loaded(brand: Brand) -> None:
    home = brand.settings.home
    facts = verify_release(brand.folder(1), home / "encoders").facts
    folder = home / "adapters" / facts.adapters["generate"]
    aside = folder.rename(home / "aside")
    try:
        for look in (
            lambda: loaded(brand, 1, DecoderPool(home)),
            lambda: verify_release(brand.folder(1), home / "encoders"),
        ):
            with pytest.raises(NotFound):
                look()
        other = home / "adapters" / verify_release(brand.folder(2), home / "encoders").facts.adapters["generate"]
        folder.symlink_to(other)
        with pytest.raises(IntegrityError):
            loaded(brand, 1, DecoderPool(home))
        folder.unlink()
    finally:
        aside.rename(folder)
    assert brand.is_sound()


def test_what_learned_from_somebody_is_gone_with_them_and_what_others_share_is_not(
    brand: Brand, base: Path, tmp_path: Path
) -> None:
    with brand_like(brand.settings.home, tmp_path / "home", base) as copy:
        home = copy.settings.home
        other = verify_release(copy.folder(1), home / "encoders").facts.decoders["generate"]
        told = erase(copy, "conversation", conversation(copy))
        assert [one["rewritten"] for one in told["releases"]] == [True, True]
        assert list((home / "adapters").iterdir()) == []
        assert [path.name for path in (home / "decoders").iterdir()] == [other], "it is the base as it came"
        facts = verify_release(copy.folder(1), home / "encoders").facts
        assert (facts.decoders, facts.adapters) == ({}, {})
        with loaded(copy, 1, DecoderPool(home)) as bot:
            assert bot.parts.drafting is None
            assert bot.reply(ASKED).reply
        repair(copy.store, copy.settings, grace_seconds=-1e9)
        assert copy.is_sound()


def conversation(brand: Brand) -> str:
    """One that the releases learned from."""
    with brand.store.read() as tx:
        (one,) = datasets.list_for(tx, brand.bot_id)
    return next(open_dataset(brand.settings.home / "datasets" / one.fingerprint).rows("train")).conversation
