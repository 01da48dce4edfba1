"""From a folder to answers: the same each time, one by one or many at once, and refused when anything does not fit."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from data.errors import IntegrityError, NotFound
from data.profile import Intent
from data.settings import ImportSettings
from data.written import Written as Values
from export.corrections import Correction, Corrections
from export.drafts import Asked, Drafting
from export.grounding import Grounding
from export.parts import drafting_of
from export.predict import Predictor
from export.release import open_release
from export.replies import Reply, ReplyIndex
from export.runtime import EncoderPool
from export.situation import NOT_UNDERSTOOD
from export.tongue import FOREIGN
from export.writer import Brief, Written

TEXTS = ["where is my order", "refund please", "thanks", "1 2 3 4 5", "hello number", "", " \u200b ", "x" * 5000]


@pytest.fixture
def encoders(tmp_path):
    return tmp_path / "encoders"


@pytest.fixture
def folder(tmp_path, exported, encoders, lay, put_release, parts):
    digest = lay(exported, encoders)
    return put_release(tmp_path / "releases" / "acme" / "7", parts, {"intent": digest, "reply": digest})


@pytest.fixture
def predictor(folder, encoders):
    with Predictor.load(folder, EncoderPool(encoders)) as loaded:
        yield loaded


def test_understands_what_it_was_taught(predictor):
    found = predictor.understand("where is my order")
    assert found.intent == "order_status"
    assert found.confidence > 0.5
    assert found.ranking[0].intent == "order_status"
    assert all(r.intent != "oos" for r in found.ranking)
    assert [r.probability for r in found.ranking] == sorted((r.probability for r in found.ranking), reverse=True)


def test_scoring_in_blocks_changes_nothing(predictor, monkeypatch):
    whole = predictor.understand_many(TEXTS * 3)
    monkeypatch.setattr("export.predict.SCORED", 4)
    for one, other in zip(predictor.understand_many(TEXTS * 3), whole, strict=True):
        assert one.intent == other.intent
        assert one.confidence == pytest.approx(other.confidence, abs=1e-6)


def test_many_at_once_are_as_one_by_one_and_twice_is_the_same(predictor):
    together = predictor.understand_many(TEXTS * 5)
    assert together == predictor.understand_many(TEXTS * 5)
    for text, found in zip(TEXTS, together, strict=False):
        alone = predictor.understand(text)
        assert alone.intent == found.intent
        assert alone.confidence == pytest.approx(found.confidence, abs=1e-4)
        assert alone.in_scope == pytest.approx(found.in_scope, abs=1e-4)
    assert predictor.understand_many([]) == []


def test_text_without_a_visible_character_means_nothing(predictor):
    assert predictor.understand(" \u200b\n") == NOT_UNDERSTOOD
    prediction = predictor.reply([("user", "  ")])
    assert (prediction.action, prediction.intent, prediction.candidates) == ("fallback", None, ())


def test_case_white_space_and_dress_change_nothing(predictor):
    plain = predictor.understand("where is my order")
    assert predictor.understand("  Where\u200b is  MY order ") == plain


def test_a_conversation_is_answered_with_all_that_led_there(predictor):
    prediction = predictor.reply([("assistant", "Hello from Acme."), ("user", "where is my order")])
    assert (prediction.action, prediction.source, prediction.reply) == ("answer", "approved", "Use the link.")
    assert prediction.release == predictor.release == "acme@7"
    assert prediction.intent == "order_status"
    assert len(prediction.candidates) == 3
    wire = json.loads(json.dumps(prediction.to_wire()))
    assert wire["reply"] == "Use the link."
    assert {"intent", "confidence", "source", "reason", "ranking", "candidates", "release"} <= set(wire)


def test_a_reply_is_retrieved_and_not_said_twice(predictor):
    turns = [("user", "refund please")]
    first = predictor.reply(turns)
    assert (first.source, first.reply) == ("retrieved", "Three working days.")
    again = predictor.reply([*turns, ("assistant", first.reply), ("user", "refund please")])
    assert again.reply != first.reply


def test_an_approved_answer_among_the_replies_is_given_by_a_release_without_intents(
    tmp_path, exported, encoders, lay, put_release, parts
):
    """Though an earlier reply fits better, and though nobody has given it before; its placeholder is filled."""
    listed = Reply("Where is [email 1] now?", count=0, intent="refund", echoes=True, approved=True)
    vectors = parts.reply.channel.read(["refund please thanks", "refund please"])
    index = ReplyIndex(vectors, [listed, Reply("Three working days.", count=4)])
    bars = replace(parts.thresholds, reply=0.3)
    without = replace(parts, intent=None, thresholds=bars, reply=replace(parts.reply, index=index))
    folder = put_release(tmp_path / "releases" / "acme" / "9", without, {"reply": lay(exported, encoders)})
    with Predictor.load(folder, EncoderPool(encoders)) as loaded:
        said = loaded.reply([("user", "refund please a@example.org")])
        assert [one.approved for one in said.candidates] == [one["approved"] for one in said.to_wire()["candidates"]]
        assert sorted(one.approved for one in said.candidates) == [False, True]
        assert (said.source, said.reply, said.intent) == ("approved", "Where is a@example.org now?", None)
        assert loaded.reply([("user", "refund please")]).source == "retrieved"


def test_out_of_scope_is_said_to_be(predictor):
    prediction = predictor.reply([("user", "qqq zzz")])
    assert (prediction.intent, prediction.source) == ("oos", "handoff")


def test_an_unopened_conversation_is_greeted(predictor):
    prediction = predictor.reply([])
    assert (prediction.action, prediction.reply, prediction.intent) == ("greet", "Hello from Acme.", None)


def test_many_conversations_at_once_are_as_one_by_one(predictor):
    conversations = [
        [("user", "refund please")],
        [],
        [("user", " ")],
        [("assistant", "Hello."), ("user", "where is"), ("user", "my order")],
        [("user", "hi"), ("agent", "yes?"), ("user", "thanks")],
    ]
    together = predictor.reply_many(conversations)
    assert predictor.reply_many([]) == []
    for turns, found in zip(conversations, together, strict=True):
        alone = predictor.reply(turns)
        assert (alone.reply, alone.action, alone.intent, alone.reason) == (
            found.reply,
            found.action,
            found.intent,
            found.reason,
        )
        assert alone.confidence == pytest.approx(found.confidence, abs=1e-4)


def test_candidates_can_be_asked_for(predictor):
    assert [c.text for c in predictor.candidates([("user", "refund please")], 1)] == ["Three working days."]


def test_warming_up_changes_nothing(predictor):
    before = predictor.reply([("user", "thanks")])
    predictor.warm_up()
    assert predictor.reply([("user", "thanks")]) == before


def test_threads_share_one_predictor(predictor):
    turns = [("user", "where is my order")]
    expected, found = predictor.reply(turns), []
    threads = [threading.Thread(target=lambda: found.append(predictor.reply(turns))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 6


def test_two_releases_share_an_encoder_until_both_are_closed(folder, encoders):
    pool = EncoderPool(encoders)
    one, two = Predictor.load(folder, pool), Predictor.load(folder, pool)
    assert pool.usage()[0].references == 4
    one.close()
    one.close()
    assert pool.usage()[0].references == 2
    assert two.reply([("user", "thanks")]).release == "acme@7"
    two.close()
    assert pool.usage() == ()


def test_text_is_prepared_by_the_settings_of_the_release_not_of_the_machine(predictor):
    assert predictor.parts.imports == ImportSettings(order_number=r"#\d{5}")


def test_a_release_with_one_task_alone(tmp_path, exported, encoders, lay, put_release, parts):
    digest = lay(exported, encoders)
    pool = EncoderPool(encoders)
    replies = Predictor.load(put_release(tmp_path / "r1", parts, {"reply": digest}), pool)
    assert replies.understand("thanks") == NOT_UNDERSTOOD
    assert replies.embed(["thanks"]) is None
    assert replies.reply([("user", "thanks")]).reply == "You are welcome."
    intents = Predictor.load(put_release(tmp_path / "r2", parts, {"intent": digest}), pool)
    assert intents.candidates([("user", "thanks")]) == ()
    assert intents.reply([("user", "where is my order")]).source == "approved"
    assert intents.embed(["thanks", "us"]).shape == (2, 32)


def spoil_labels(tmp_path, lay, exported, encoders, put_release, parts):
    digest = lay(exported, encoders)
    return put_release(tmp_path / "bad", parts, {"intent": digest}, labels=("a", "b"))


def spoil_hidden(tmp_path, lay, exported, encoders, put_release, parts):
    digest = lay(exported, encoders)
    index = type(parts.reply.index)(np.zeros((3, 8)), parts.reply.index.replies)
    narrow = replace(parts, reply=replace(parts.reply, index=index))
    return put_release(tmp_path / "bad", narrow, {"reply": digest})


def spoil_prepare(tmp_path, lay, exported, encoders, put_release, parts):
    digest = lay(exported, encoders)
    folder = put_release(tmp_path / "bad", parts, {"intent": digest})
    body = json.loads((folder / "manifest.json").read_bytes())
    body["prepare"] = {"colour": "red"}
    (folder / "manifest.json").write_text(json.dumps(body))
    return folder


def spoil_head(tmp_path, lay, exported, encoders, put_release, parts):
    digest = lay(exported, encoders)
    return put_release(tmp_path / "bad", replace(parts, intent=None), {"intent": digest})


@pytest.mark.parametrize("spoil", [spoil_labels, spoil_hidden, spoil_prepare, spoil_head])
def test_parts_that_do_not_fit_are_refused_and_nothing_stays_taken(
    tmp_path, lay, exported, encoders, put_release, parts, spoil
):
    folder = spoil(tmp_path, lay, exported, encoders, put_release, parts)
    pool = EncoderPool(encoders)
    with pytest.raises(IntegrityError):
        Predictor.load(folder, pool)
    assert pool.usage() == ()


def test_a_release_whose_encoder_is_gone(folder, tmp_path):
    pool = EncoderPool(tmp_path / "nowhere")
    with pytest.raises(NotFound):
        Predictor.load(folder, pool)


def test_other_encoders_can_stand_before_the_same_heads(parts, channel):
    other = replace(channel)
    moved = parts.behind(intent=other)
    assert moved.intent.channel is other
    assert moved.reply is parts.reply
    assert replace(parts, intent=None).behind(intent=other, reply=other).intent is None
    assert parts.behind() == parts


def test_the_read_side_answers_without_torch_transformers_or_onnx(folder, encoders):
    program = f"""
import sys
from pathlib import Path
from export.predict import Predictor
from export.runtime import EncoderPool
with Predictor.load(Path({str(folder)!r}), EncoderPool(Path({str(encoders)!r}))) as predictor:
    print(predictor.reply([("user", "where is my order")]).reply)
heavy = {{"torch", "transformers", "lightning", "datasets", "sklearn", "onnx", "onnxscript", "flask"}}
print(sorted(heavy & {{name.partition(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines() == ["Use the link.", "[]"]


ASKED = "where is my parcel customer number us"


@pytest.fixture
def corrected(tmp_path, exported, encoders, lay, put_release, parts):
    """A release that knows a correction, whose vectors its own intent encoder made."""
    digest = lay(exported, encoders)
    given = [
        Correction("f1", ASKED, None, "It is in the locker.", "order_status"),
        Correction("f2", "yes please", "Shall I cancel it?", "It is cancelled."),
    ]
    vectors = Predictor(parts).embed([one.message for one in given])
    with_corrections = replace(parts, corrections=Corrections(vectors, given))
    folder = put_release(tmp_path / "releases" / "acme" / "8", with_corrections, {"intent": digest, "reply": digest})
    with Predictor.load(folder, EncoderPool(encoders)) as loaded:
        yield loaded


def test_a_release_answers_what_was_corrected_and_nothing_else(corrected):
    for asked in (ASKED, f"{ASKED.upper()}?", "Where is the parcel, customer number us!"):
        said = corrected.reply([("assistant", "Hello from Acme."), ("user", asked)])
        assert (said.reply, said.source, said.action) == ("It is in the locker.", "approved", "answer")
    assert corrected.reply([("user", "where is my order customer number us")]).reply != "It is in the locker."
    follow_up = [("user", "cancel my order"), ("assistant", "Shall I cancel it?"), ("user", "yes please")]
    assert corrected.reply(follow_up).reply == "It is cancelled."
    assert corrected.reply([("user", "yes please")]).reply != "It is cancelled."
    assert corrected.reply([]).action == "greet"


def test_corrections_of_another_encoder_are_refused(tmp_path, exported, encoders, lay, put_release, parts):
    digest = lay(exported, encoders)
    wrong = replace(parts, corrections=Corrections(np.ones((1, 3)), [Correction("f1", ASKED, None, "x")]))
    folder = put_release(tmp_path / "release", wrong, {"intent": digest})
    with pytest.raises(IntegrityError):
        Predictor.load(folder, EncoderPool(encoders))


def test_the_language_of_a_message_is_looked_for_where_it_moves_the_bar(predictor):
    text = "where is my order"
    assert predictor.understand(text).language is None
    profile = predictor.parts.profile.model_copy(update={"languages": ("en", "da")})
    bars = replace(predictor.parts.thresholds, by_language={"en": None})
    with Predictor(replace(predictor.parts, profile=profile, thresholds=bars)) as other:
        assert other.understand(text).language == "en"
        assert other.understand("ok").language is None
        assert other.understand("").language is None
        said = other.reply([("user", text)])
        assert said.source != "approved"
    assert predictor.reply([("user", text)]).source == "approved"


BILINGUAL = {
    "Your order went to the post on Monday morning.": 9,
    "It is on the way and will be there tomorrow.": 8,
    "Please look at the link in the mail.": 7,
    "You can see where it is on our page.": 6,
    "A colleague looks after that for you today.": 5,
    "Your parcel is in our warehouse now.": 4,
    "Ihr Paket ist seit heute unterwegs zu Ihnen.": 3,
    "Alles klar?": 2,
}
"""What is given most often is found first."""
WO = [("user", "Wo ist mein Paket, bitte?")]


@pytest.fixture
def bilingual(parts):
    """Of two languages, with a reply to the same message in each; nothing is approved."""
    replies = [Reply(text, count=count) for text, count in BILINGUAL.items()]
    vectors = np.repeat(parts.reply.channel.read([WO[0][1]]), len(replies), axis=0)
    index = ReplyIndex(vectors, replies)
    bars = replace(parts.thresholds, answer=None, oos=-1.0, reply=-1.0)
    profile = parts.profile.model_copy(update={"languages": ("en", "de")})
    return replace(parts, reply=replace(parts.reply, index=index), thresholds=bars, profile=profile)


def test_a_question_is_answered_in_its_own_language(bilingual):
    both = Predictor(bilingual)
    said = both.reply(WO)
    assert (said.source, said.reply) == ("retrieved", "Ihr Paket ist seit heute unterwegs zu Ihnen.")
    told = {one["reply"]: one["flaws"] for one in said.to_wire()["candidates"]}
    best, others = list(BILINGUAL)[:5], list(BILINGUAL)[6:]
    assert list(told) == [*best, *others], "the best five, and what can be said in their place"
    assert list(told.values()) == [[FOREIGN]] * 5 + [[]] * 2
    assert both.reply([("user", "Where is my parcel, please?")]).reply == next(iter(BILINGUAL))
    assert both.reply_many([WO])[0].reply == said.reply


def test_a_short_message_is_in_the_language_of_what_was_said_before(bilingual):
    both = Predictor(bilingual)
    later = both.reply([*WO, ("assistant", "Was ist die Nummer?"), ("user", "4711 ok")])
    assert later.reply.startswith("Ihr Paket")
    assert both.reply([("user", "4711 ok")]).reply == next(iter(BILINGUAL)), "nobody knows"


def test_a_bot_of_one_language_passes_nothing_over_for_it(bilingual):
    profile = bilingual.profile.model_copy(update={"languages": ("en",)})
    said = Predictor(replace(bilingual, profile=profile)).reply(WO)
    assert said.reply == next(iter(BILINGUAL))
    assert len(said.candidates) == 5
    assert not any(one.flaws for one in said.candidates)


def test_the_approved_answer_in_the_language_of_the_message_is_given(bilingual):
    answers = ("Use the link in the mail that we sent.", "Bitte nutzen Sie den Link in der Mail.")
    profile = bilingual.profile.model_copy(
        update={"intents": tuple(Intent(name=name, answers=answers) for name in ("order_status", "refund", "thanks"))}
    )
    both = Predictor(replace(bilingual, profile=profile, thresholds=replace(bilingual.thresholds, answer=-1.0)))
    asked = [("user", "where is my order")]
    assert (both.reply(asked).source, both.reply(asked).reply) == ("approved", answers[0])
    assert (both.reply(WO).source, both.reply(WO).reply) == ("approved", answers[1])


class Fake:
    """Writes what it is told to, and remembers what for."""

    def __init__(self, text):
        self.text, self.briefs = text, []

    def write(self, brief: Brief) -> Written:
        self.briefs.append(brief)
        return Written(self.text, "stop", 7)


def writing(parts, text):
    """That writes this, whatever fits."""
    fake = Fake(text)
    profile = parts.profile.model_copy(update={"reply_mode": "generative"})
    bars = replace(parts.thresholds, generated=-1.0)
    drafting = Drafting(fake, Grounding(Values(ImportSettings())))
    return fake, Predictor(replace(parts, drafting=drafting, profile=profile, thresholds=bars))


def test_what_is_written_in_another_language_is_not_said(bilingual):
    fake, bot = writing(bilingual, "We look after that for you.")
    said = bot.reply(WO)
    assert (said.source, said.drafts[0].flaws) == ("retrieved", (FOREIGN,))
    assert "unterwegs" in fake.briefs[0].told[0], "it is written from what can be said"
    _, bot = writing(bilingual, "Wir kümmern uns gerne darum.")
    said = bot.reply(WO)
    assert (said.source, said.drafts[0].flaws) == ("generated", ())


def test_a_customers_number_is_not_put_where_the_brands_own_would_stand(bilingual):
    _, bot = writing(bilingual, "Bitte rufen Sie uns an unter [phone 1].")
    said = bot.reply([("user", "Wo ist mein Paket? Meine Nummer ist +44 20 7946 0958.")])
    assert said.source == "retrieved"
    assert said.drafts[0].flaws == ("it repeats a detail where no reply of the brand does",)
    assert "7946" not in said.reply


def test_approved_answers_of_the_release_vouch_for_what_is_written(
    tmp_path, exported, encoders, lay, put_release, parts, decoders
):
    answers = (Intent(name="order_status", answers=("It comes within 17 days.",)), *parts.profile.intents[1:])
    profile = parts.profile.model_copy(update={"intents": answers})
    folder = put_release(tmp_path / "release", replace(parts, profile=profile), {"intent": lay(exported, encoders)})
    drafting = drafting_of(open_release(folder), decoders["fp32"], ImportSettings())
    asked = Asked((("user", "how long?"),))
    found = [replace(drafting, writer=Fake(f"It takes {days} days.")).draft(asked, lambda _: 0.5) for days in (17, 18)]
    assert [one.flaws for one in found] == [(), ("it states what nobody has said",)]
