"""What one customer was told in person never comes back to another: from the log by way of a release to the chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from export.predict import Predictor
from export.release import open_release
from export.replies import ReplyIndex
from export.runtime import EncoderPool
from tests.brand import Brand, brand_at, log

pytestmark = pytest.mark.filterwarnings("ignore")

PLANTED = {
    "Marlene": "Hi Marlene, we send the parcel again.",
    "Quince Lane": "The courier brings the parcel to 14 Quince Lane.",
    "ZX-81-QQ": "We found the refund for ZX-81-QQ and pay it out.",
    "12 March": "The repair of your screen ends on 12 March.",
    "Priyanka": "Priyanka, we have reset the password.",
    "Okonkwo": "The invoice is in the name of Mr Okonkwo.",
    "4,317.80": "Of the billing statement 4,317.80 euros are left.",
    "marlene@beispiel.test": "We wrote to marlene@beispiel.test about the account.",
}
"""What is told one customer, by the detail in it that is nobody else's."""
SHARED = "The shop in Quarry Street is open until 18:30."


def planted() -> bytes:
    lines = [
        {"id": f"p{at}", "messages": [{"role": "user", "content": asked(reply)}, {"role": "agent", "content": reply}]}
        for at, reply in enumerate([*PLANTED.values(), SHARED, SHARED])
    ]
    for at in (-1, -2):
        lines[at]["messages"][0]["content"] += f" number {at}"  # type: ignore[index]
    return "\n".join(map(json.dumps, lines)).encode()


def asked(reply: str) -> str:
    """A question in the words of its reply, all but those that are somebody's own."""
    return " ".join(word for word in reply.split() if word.islower() and word.isalpha())


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Iterator[tuple[Brand, Predictor]]:
    """A bot that says whatever it finds, however unsure."""
    with brand_at(
        tmp_path_factory.mktemp("others") / "home", base, log(80, labelled=False) + b"\n" + planted()
    ) as brand:
        done = brand.retrain(tasks=["reply"])
        assert done.state == "succeeded", done.error
        pool = EncoderPool(brand.settings.home / "encoders", 1)
        with Predictor.load(brand.folder(1), pool) as predictor:
            bars = replace(predictor.parts.thresholds, reply=-9.0)
            yield brand, Predictor(replace(predictor.parts, thresholds=bars))


def said(predictor: Predictor, *turns: tuple[Any, str]) -> str:
    """All that the bot offers or says."""
    return "\n".join([predictor.reply(turns).reply, *(one.text for one in predictor.candidates(turns, 200))])


def test_the_details_are_in_the_logs_that_were_learned(bot: tuple[Brand, Predictor]) -> None:
    kept = "\n".join(reply.text for reply in ReplyIndex.load(open_release(bot[0].folder(1)).folder).replies)
    known = [detail for detail in PLANTED if detail in kept]
    assert len(known) >= 2  # redaction takes those that it knows


@pytest.mark.parametrize("detail", PLANTED)
def test_nobody_else_is_told(bot: tuple[Brand, Predictor], detail: str) -> None:
    question = asked(PLANTED[detail])
    offered = said(bot[1], ("user", question))
    assert detail not in offered
    assert not any(other in offered for other in PLANTED)
    later = said(bot[1], ("user", "hello"), ("agent", "Hello."), ("user", question))
    assert not any(other in later for other in PLANTED)


def test_they_would_be_told_if_nobody_looked(bot: tuple[Brand, Predictor]) -> None:
    model = bot[1].parts.reply
    assert model is not None
    careless = [replace(reply, details=()) for reply in model.index.replies]
    index = ReplyIndex(model.index.vectors, careless, model.index.scoring)
    unaware = Predictor(replace(bot[1].parts, reply=replace(model, index=index)))
    assert any(detail in said(unaware, ("user", asked(reply))) for detail, reply in PLANTED.items())


def test_what_several_were_told_is_said_to_all(bot: tuple[Brand, Predictor]) -> None:
    kept = {reply.text: reply for reply in bot[1].parts.reply.index.replies}  # type: ignore[union-attr]
    if SHARED in kept:
        assert kept[SHARED].details == ()
        assert SHARED in said(bot[1], ("user", asked(SHARED)))


def test_who_says_the_detail_may_hear_it(bot: tuple[Brand, Predictor]) -> None:
    index = bot[1].parts.reply.index  # type: ignore[union-attr]
    private = [reply for reply in index.replies if reply.details and not reply.text.count("[")]
    assert private
    for reply in private[:3]:
        told = said(bot[1], ("user", f"{asked(reply.text)} {' and '.join(reply.details)}"))
        assert reply.text in told
