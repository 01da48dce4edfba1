"""What a generator wrote in held-out conversations is measured as texts, and from which score it may say so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from data.errors import JobCancelled
from data.profile import BotProfile
from data.settings import ImportSettings
from data.written import Written
from export.drafts import Draft, Drafting
from export.grounding import Grounding
from trainer.generation.drafted import ASKED, STRANGE, Drafted
from trainer.generation.lines import Ask
from trainer.generation.writing import _unquoted, voice_of
from trainer.judgement.card_writing import written_replies

SAID = ("Your parcel is on its way.", "We refund you within five days.", "We are open from 9 to 5.")
ASKS = [Ask((("user", f"Question {at}, please?"),), reply) for at, reply in enumerate(SAID)]
DRAFTING: Any = Drafting(None, Grounding(Written(ImportSettings()), ["acme"]))  # type: ignore[arg-type]  # writes nothing


def brand(precision: float = 0.5) -> Any:
    """To whom texts mean the same when they begin with the same words."""

    def meaning(texts: Any) -> Any:
        known = [*SAID, "-"]
        return np.array([[float(text == one) for one in known] for text in texts], dtype=np.float32)

    nothing = SimpleNamespace(search_many=lambda query, count: [[] for _ in query])
    reader = SimpleNamespace(contexts=lambda turns: np.ones((len(turns), 1)), replies=lambda texts: np.ones((1, 1)))
    profile = SimpleNamespace(target_precision=precision)
    return SimpleNamespace(meaning=meaning, profile=profile, index=nothing, trained=reader)


def drafted(texts: Any, flaws: Any = ((), (), ())) -> Drafted:
    return Drafted(ASKS, [Draft(text, 0.9, flaws=tuple(found)) for text, found in zip(texts, flaws, strict=True)])


def test_true_replies_are_worth_most_and_copies_are_found() -> None:
    scores = drafted(SAID).scores(SAID)
    assert scores is not None
    assert scores.chrf.value == pytest.approx(1)
    assert scores.copies.value == 1
    assert scores.length.words == scores.length.reference_words


def test_replies_that_say_something_else_come_first_among_the_worst() -> None:
    scores = drafted([SAID[0], "Zzz zzz zzz zzz zzz zzz zzz zzz.", SAID[2]]).scores(["Hello there."])
    assert scores is not None
    assert (scores.worst[0].row, scores.worst[0].reference) == (1, SAID[1])
    assert scores.copies.value == 0
    assert scores.repetition.value > 0
    assert "worst" not in _unquoted(scores)


def test_facts_from_nowhere_and_flaws_are_counted() -> None:
    told = drafted(["It costs 4711 pounds.", "", SAID[2]], [["it states what nobody has said"], ["nothing"], []])
    found = told.manners(DRAFTING)
    assert found["ungrounded"]["value"] == pytest.approx(2 / 3), "nobody has said 9 to 5 in this conversation either"
    assert found["flawed"]["value"] == pytest.approx(2 / 3)


def test_how_well_drafts_sound_like_the_brand_is_told_in_the_mean() -> None:
    found = Drafted(ASKS, [Draft(text, 0.9, voice=fit) for text, fit in zip(SAID, (1.0, 0.5, 0.6), strict=True)])
    told = found.manners(DRAFTING)["voice"]
    assert told["value"] == pytest.approx(0.7)
    assert 0.5 <= told["low"] < told["value"] < told["high"] <= 1.0


def test_each_language_of_a_brand_has_a_voice_of_its_own() -> None:
    english = [f"Hello {word}, your parcel has left our warehouse this morning." for word in ("you", "friend", "there")]
    german = ["Guten Tag, das Paket hat unser Lager heute Morgen verlassen. Mit freundlichen Grüßen, Ihr Team"] * 3
    several = voice_of([*english, *german] * 15, BotProfile(name="acme", languages=("en", "de")))
    assert set(several.manners) == {"*", "en", "de"}
    assert several.language_of("Das Paket ist heute Morgen leider noch nicht angekommen.") == "de"
    # A sign-off is missed where nearly all have one.
    assert several.distance("Das Paket ist unterwegs.", "de").score < several.distance("It is under way.", "en").score
    one = voice_of(english * 15, BotProfile(name="acme", languages=("en",)))
    assert set(one.manners) == {"*"}
    assert one.language_of("It has left.") is None


def test_what_means_the_same_may_be_said_and_what_does_not_may_not() -> None:
    assert drafted(SAID).threshold(brand()) is not None
    assert drafted(["-", "-", "-"]).threshold(brand()) is None
    assert drafted(SAID, [["flawed"]] * 3).threshold(brand()) is None


def test_nothing_held_out_is_nothing_measured() -> None:
    none = Drafted.by(DRAFTING, [], brand(), lambda: None)
    assert (none.scores(SAID), none.threshold(brand())) == (None, None)


def test_a_cancelled_job_writes_no_further_draft() -> None:
    written: list[Any] = []

    def draft(asked: Any, score: Any) -> Draft:
        written.append(asked.turns)
        return Draft("Hello.", score("Hello."))

    def check() -> None:
        if len(written) == 5:
            raise JobCancelled("Enough.")

    many: Any = ASKS * 100
    writer: Any = SimpleNamespace(draft=draft)
    with pytest.raises(JobCancelled):
        Drafted.by(writer, many, brand(), check)
    assert len(written) == 5
    written.clear()
    told = Drafted.by(writer, many, brand(), lambda: None)
    assert (len(told.drafts), len(told.strange), len(written)) == (ASKED, STRANGE, ASKED + STRANGE)


def test_the_card_tells_figures_and_no_words() -> None:
    scores = drafted([SAID[0], SAID[0], ""]).scores(SAID)
    assert scores is not None
    texts = {**_unquoted(scores), **drafted([SAID[0], SAID[0], ""]).manners(DRAFTING)}
    reviews = {"kept": False, "why": "fewer than 20 pairs"}
    told = "\n".join(written_replies({"texts": texts, "reviews": reviews}))
    assert "What it wrote in 3 conversations" in told
    assert f"{scores.chrf.value:.3f} (" in told
    assert "fewer than 20 pairs" in told
    assert not any(reply in told for reply in SAID)
    kept = {"kept": True, "pairs": 24, "recipe": {"method": "orpo"}}
    assert "from 24 corrections what reviewers prefer (orpo)" in "\n".join(written_replies({"reviews": kept}))
    assert list(written_replies({})) == []
