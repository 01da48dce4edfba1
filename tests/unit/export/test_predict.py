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
from data.settings import ImportSettings
from export.corrections import Correction, Corrections
from export.predict import Predictor
from export.runtime import EncoderPool
from export.situation import NOT_UNDERSTOOD

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
