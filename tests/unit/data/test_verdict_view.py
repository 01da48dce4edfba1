"""The verdict as a table of text."""

import pytest

from data.verdict_view import verdict_rows, verdict_sentences


def cell(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def test_a_table_in_the_order_of_reading() -> None:
    wire = {
        "models": {
            "candidate": {
                "size_bytes": cell(23e6, 23e6, 23e6),
                "macro_f1": cell(0.9, 0.85, 0.95),
                "accuracy": cell(0.914, 0.88, 0.94),
                "auroc": cell(None),
                "latency_ms": cell(1.25, 1.25, 1.25),
                "zeal": cell(0.5),
            },
            "floor": {"accuracy": cell(0.7, 0.6, 0.8)},
        }
    }
    assert verdict_rows(wire) == [
        ("", "floor", "candidate"),
        ("Accuracy", "70.0 % (60.0 – 80.0 %)", "91.4 % (88.0 – 94.0 %)"),
        ("Macro-F1", "–", "0.900 (0.850 – 0.950)"),
        ("AUROC, in against out of scope", "–", "–"),
        ("One message takes", "–", "1.2 ms"),
        ("Size", "–", "23.0 MB"),
        ("zeal", "–", "0.500"),
    ]


def test_no_models_no_columns() -> None:
    assert verdict_rows({"models": {}}) == [("",)]


def beside(won: int, lost: int, p_value: float, rows: int = 120) -> dict[str, object]:
    return {"rows": rows, "won": won, "lost": lost, "p_value": p_value}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (beside(30, 5, 0.0004), "by chance less than once in 1,000."),
        (beside(20, 5, 0.004), "by chance less than once in 100."),
        (beside(9, 1, 0.04), "by chance less than once in 20."),
        (beside(9, 3, 0.146), "by chance about once in 7, so it proves nothing."),
        (beside(2, 2, 1.0), "by chance more often than not, so it proves nothing."),
        (beside(0, 0, 1.0), "Of 120 messages, the new bot and the bot that answers now got the same ones right."),
    ],
)
def test_what_a_comparison_means(told: dict[str, object], words: str) -> None:
    (said,) = verdict_sentences({"against": {"live": told}})
    assert said.endswith(words)
    assert said.startswith("Of 120 messages, the new bot")


def test_who_won_what_is_told_of_each_model_live_first() -> None:
    wire = {"against": {"floor": beside(9, 2, 0.03), "live": beside(1, 0, 1.0)}}
    said = verdict_sentences(wire)
    assert said[1] == (
        "Of 120 messages, the new bot got 9 right that the simple word-counting model got wrong, and 2 the other way "
        "round; a difference that large comes by chance less than once in 20."
    )
    assert "the bot that answers now" in said[0]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("language", "de", "On messages in the language de it is worse than the bot that answers now: of 40,"),
        ("length", "short", "On short messages it"),
        ("class", "rare", "On messages about rare intents it"),
        ("data", "new", "On messages that are new since the live release was made it"),
        ("planet", "mars", "On mars of planet it"),
    ],
)
def test_parts_that_got_worse_are_named(name: str, value: str, words: str) -> None:
    exchange = {"model": "live", "won": 1, "lost": 12, "p_value": 0.001, "p_corrected": 0.01}
    part = {"slice": name, "value": value, "rows": 40, "exchange": exchange}
    (said,) = verdict_sentences({"slices": [part]})
    assert said.startswith(words)
    fine = [
        {**part, "exchange": changed} for changed in (None, {**exchange, "p_corrected": 0.05}, {**exchange, "won": 12})
    ]
    assert verdict_sentences({"slices": fine}) == []


def test_what_was_forgotten_is_told_where_it_is_known() -> None:
    wire = {"forgetting": {"intent": {"forgotten": 0.007}, "reply": {"forgotten": None}}}
    (said,) = verdict_sentences(wire)
    assert said == "Of what the base model knows of everyday language, the intent model forgot 0.7 %."


def test_what_feedback_changed_is_told_beside_what_answers_now() -> None:
    learned = {"replies": {"rows": 24, "live": 3, "candidate": 24}}
    held_out = {"intents": {"rows": 6, "live": None, "candidate": 5}}
    assert verdict_sentences({"feedback": {"learned": learned, "held_out": held_out}}) == [
        (
            "Of 24 messages whose reply people corrected, the new bot answers 24 as they were corrected; "
            "the bot that answers now answers 3."
        ),
        (
            "Of 6 messages that people labelled and that it did not learn from, the new bot understands 5 "
            "as they were corrected."
        ),
    ]


def test_nothing_is_said_of_no_rows_or_of_a_verdict_of_before() -> None:
    assert verdict_sentences({"against": {"live": beside(0, 0, 1.0, rows=0)}}) == []
    assert verdict_sentences({"decision": "hold", "reasons": [], "models": {}, "slices": [{"slice": "length"}]}) == []
