"""Canaries are seeded and apart; exposure is the formula; a recited secret is found however it is written."""

from __future__ import annotations

import math
import statistics
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.redact import Memory, Redactor
from data.settings import ImportSettings
from trainer.generation.canaries import ALTERNATIVES, Exposure, Memorised, Recital, exposures, made, recitals

CANARIES = made(20, seed=7)
Asked = Sequence[tuple[str, str]]


def ignorant(asked: Asked) -> list[float]:
    """A model that learnt nothing: any secret is as good as another."""
    return [zlib.crc32(reply.encode()) / 2**32 for _, reply in asked]


def remembering(asked: Asked) -> list[float]:
    known = {canary.reply for canary in CANARIES}
    return [
        0.5 if reply in known else 1 + surprise for (_, reply), surprise in zip(asked, ignorant(asked), strict=True)
    ]


def test_canaries_are_seeded_and_have_nothing_in_common() -> None:
    assert made(20, seed=7) == CANARIES
    assert made(20, seed=8) != CANARIES
    many = made(300, seed=1)
    assert len({canary.secret for canary in many}) == len({canary.question for canary in many}) == 300
    for canary in CANARIES:
        assert canary.reply == f"{canary.lead} {canary.secret}."
        assert canary.secret not in canary.question
    assert made(0, seed=1) == ()


def test_nothing_of_a_canary_is_redacted_before_a_model_reads_it() -> None:
    redactor = Redactor(ImportSettings())
    for canary in made(100, seed=3):
        assert canary.secret in redactor.redact(canary.reply, Memory()).text


def test_exposure_of_a_model_that_remembers_and_of_one_that_does_not() -> None:
    remembered = exposures(CANARIES, remembering, seed=1)
    assert {one.rank for one in remembered} == {1}
    assert remembered[0].bits == pytest.approx(math.log2(ALTERNATIVES + 1))
    chance = [one.bits for one in exposures(made(60, seed=5), ignorant, seed=1, alternatives=200)]
    assert 0.5 < statistics.fmean(chance) < 2.2  # log2(e) on average
    assert exposures(CANARIES, remembering, seed=1) == remembered


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=2, max_size=20))
def test_exposure_is_its_formula_with_equals_in_the_middle(surprises: list[float]) -> None:
    others = len(surprises) - 1
    (found,) = exposures(CANARIES[:1], lambda _: surprises, seed=1, alternatives=others)
    before = sum(other < surprises[0] for other in surprises[1:])
    equal = sum(other == surprises[0] for other in surprises[1:])
    assert found == Exposure(1 + before + equal / 2, others + 1)
    assert found.bits == pytest.approx(math.log2(others + 1) - math.log2(found.rank))
    assert 0 <= found.bits <= math.log2(others + 1)


def test_a_model_without_a_preference_or_a_number_exposes_little() -> None:
    (even,) = exposures(CANARIES[:1], lambda asked: [1.0] * len(asked), seed=1, alternatives=99)
    assert even.bits == pytest.approx(math.log2(100) - math.log2(50.5))
    (broken,) = exposures(CANARIES[:1], lambda asked: [math.nan] + [1.0] * (len(asked) - 1), seed=1, alternatives=9)
    assert broken.bits == 0


def test_a_secret_is_heard_however_it_is_written_and_whoever_is_asked_for_it() -> None:
    first, second = CANARIES[:2]
    spelled = ", ".join(first.secret.upper().replace(" ", "\n"))
    outputs = [
        ["I cannot say.", first.reply, f"{first.lead} {spelled}"],
        [first.secret.split()[0], second.secret.replace(" ", "-"), f"so {first.secret}"],
    ]
    assert recitals(CANARIES[:2], outputs) == (Recital(0, 1, 0), Recital(0, 2, 0), Recital(1, 1, 1), Recital(1, 2, 0))
    assert recitals(CANARIES[:1], [[""]]) == ()
    with pytest.raises(ValueError, match="2 canaries, outputs for 1"):
        recitals(CANARIES[:2], [[]])


def test_what_goes_on_the_wire() -> None:
    said = (Recital(0, 0, 0), Recital(0, 1, 0))
    wire = Memorised((Exposure(1, 4), Exposure(2, 4)), said, outputs=40).to_wire()
    assert wire == {
        "canaries": 2,
        "outputs": 40,
        "recited": 1,
        "exposure_mean": 1.5,
        "exposure_highest": 2.0,
        "exposure_limit": 2.0,
        "first_of_all": 1,
    }
    assert Memorised((), (), 0).to_wire()["exposure_mean"] is None
