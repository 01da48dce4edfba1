"""What the meter says where no one watches a terminal, and that a terminal shows it too."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from service.progress import LINES, meter
from service.terminal import Answer, Terminal, visible


def lines(*events: dict) -> list[str]:
    stream = StringIO()
    with meter(Console(file=stream, width=100)) as shown:
        for event in events:
            shown.tell(event)
    return stream.getvalue().splitlines()


def test_a_long_stage_leaves_few_lines():
    said = lines(*({"type": "progress", "stage": "intent", "step": step, "steps": 1000} for step in range(1001)))
    assert len(said) == LINES + 1
    assert said[-1].startswith("intent  100%")


def test_numbers_are_named_and_nonsense_passed_over():
    said = lines(
        {"type": "phase", "phase": "export"},
        {"type": "progress", "step": 1, "steps": 0, "eta_seconds": float("nan"), "loss": 0.25, "rows": 7, "ok": True},
        {"type": "progress", "progress": 0.5, "eta_seconds": 3},
        {"type": "unheard-of"},
    )
    assert said == ["Exporting", "Exporting  loss 0.250, rows 7", "Exporting   50%  0:03 left"]


def test_what_a_training_will_take_is_told_before_it_starts():
    told = {"type": "estimate", "seconds": 83.4, "memory_bytes": 812_000_000, "steps": 90, "rows": 770}
    lacking = {**told, "seconds": 7.0, "suffices": False, "why": "intent: 9 there, 11 more."}
    first, *second = lines(told, lacking)
    assert first == "Training 770 rows will take about 1 min 23 s and 812 MB of memory."
    assert " ".join(map(str.strip, second)) == (
        "Training 770 rows will take about 7 s and 812 MB of memory. "
        "The data does not suffice: intent: 9 there, 11 more."
    )


def test_a_search_is_told_apart_from_the_training_after_it():
    told = {"type": "estimate", "of": "search", "seconds": 600, "memory_bytes": 8e8, "steps": 900, "rows": 770}
    (said,) = lines(told)
    assert said == "Searching a recipe on 770 rows will at most take about 10 min 0 s and 800 MB of memory."


def test_a_conversation_is_shown_as_it_will_be_learned_and_harmless():
    said = lines({"type": "example", "stage": "generate", "text": "Where is [red]it[/red]?\x1b[2J [[On its way.]]"})
    told = " ".join(map(str.strip, said))
    assert told.startswith("As it will be learned")
    assert "Where is [red]it[/red]?\ufffd[2J [[On its way.]]" in told


def test_a_terminal_gets_a_bar():
    stream = StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    with meter(console) as shown:
        shown.tell({"type": "progress", "stage": "[red]intent", "step": 1, "steps": 4, "loss": 1.0})
        shown.tell({"type": "phase", "phase": "export"})
        shown.tell({"type": "validated", "macro_f1": 0.5})
    assert "[red]intent" in stream.getvalue()
    assert "Exporting" in stream.getvalue()


def test_json_knows_no_nan(capsys):
    Terminal(as_json=True).give(Answer({"a": [float("nan"), {"b": float("inf")}], "c": 1}))
    assert capsys.readouterr().out == '{"a": [null, {"b": null}], "c": 1}\n'


def test_what_is_shown_is_harmless():
    assert visible("a\x1b[2Jb\u202ec\nd\x07") == "a\ufffd[2Jb\ufffdc\nd\ufffd"
