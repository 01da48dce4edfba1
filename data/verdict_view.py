"""A verdict as rows of text and as sentences, for whoever shows it: the command line, the model card, HTTP. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

MODELS = ("floor", "base", "live", "candidate")
ABSENT = "–"


def _share(value: float) -> str:
    return f"{value * 100:.1f} %"


def _plain(value: float) -> str:
    return f"{value:.3f}"


def _milliseconds(value: float) -> str:
    return f"{value:.1f} ms"


def _megabytes(value: float) -> str:
    return f"{value / 1e6:.1f} MB"


METRICS: dict[str, tuple[str, Callable[[float], str]]] = {
    "accuracy": ("Accuracy", _share),
    "macro_f1": ("Macro-F1", _plain),
    "in_scope_accuracy": ("Accuracy in scope", _share),
    "auroc": ("AUROC, in against out of scope", _plain),
    "ece": ("Calibration error", _plain),
    "coverage_at_target_precision": ("Answerable at the target precision", _share),
    "realised_precision": ("Right when it answers", _share),
    "realised_coverage": ("Messages it answers", _share),
    "in_scope_coverage": ("In-scope messages it answers", _share),
    "recall_at_1": ("Own reply found first", _share),
    "recall_at_5": ("Own reply among five", _share),
    "bits_per_byte": ("Surprise at the brand's replies, bits a byte", _plain),
    "latency_ms": ("One message takes", _milliseconds),
    "size_bytes": ("Size", _megabytes),
}
"""Every metric of a verdict in the order of reading: its title and how its values are written."""

OTHERS = {
    "live": "the bot that answers now",
    "base": "the untuned base model",
    "floor": "the simple word-counting model",
}
"""What a verdict compares a candidate with, as a business calls it, in the order of reading."""
RARITIES = ((0.001, "1,000"), (0.01, "100"), (0.05, "20"))
TAUGHT = {"replies": ("whose reply people corrected", "answers"), "intents": ("that people labelled", "understands")}
"""What people taught the bot: which messages, and what it does with them since."""
PARTS = {
    "language": "messages in the language {value}",
    "length": "{value} messages",
    "class": "messages about {value} intents",
    "data": "messages that are {value} since the live release was made",
}
"""What the parts of a test set are called."""


def verdict_sentences(verdict_wire: Mapping[str, Any]) -> list[str]:
    """What the statistics of a verdict say, for people who read no statistics. A verdict of before they were kept says
    nothing."""
    return [*_compared(verdict_wire), *_taught(verdict_wire), *_parts(verdict_wire), *_forgetting(verdict_wire)]


def _compared(wire: Mapping[str, Any]) -> Iterator[str]:
    against = wire.get("against", {})
    for model in OTHERS:
        if model not in against or not against[model]["rows"]:
            continue
        told, name = against[model], OTHERS[model]
        won, lost, rows = told["won"], told["lost"], told["rows"]
        if won == lost == 0:
            yield f"Of {rows} messages, the new bot and {name} got the same ones right."
            continue
        both = f"the new bot got {won} right that {name} got wrong, and {lost} the other way round"
        yield f"Of {rows} messages, {both}; {by_chance(told['p_value'])}."


def _taught(wire: Mapping[str, Any]) -> Iterator[str]:
    for part, told in wire.get("feedback", {}).items():
        for what, kept in told.items():
            asked, does = TAUGHT[what]
            unseen = "" if part == "learned" else " and that it did not learn from"
            before = "" if kept["live"] is None else f"; {OTHERS['live']} {does} {kept['live']}"
            yield (
                f"Of {kept['rows']} messages {asked}{unseen}, the new bot {does} {kept['candidate']} "
                f"as they were corrected{before}."
            )


def by_chance(chance: float) -> str:
    """How rare a difference is that chance alone brings with this probability, and what it is worth then."""
    rarity = next((times for limit, times in RARITIES if chance < limit), None)
    if rarity is not None:
        return f"a difference that large comes by chance less than once in {rarity}"
    return f"a difference that large comes by chance {_often(chance)}, so it proves nothing"


def _often(chance: float) -> str:
    return f"about once in {round(1 / chance)}" if chance <= 0.5 else "more often than not"


def _parts(wire: Mapping[str, Any]) -> Iterator[str]:
    for part in wire.get("slices", ()):
        exchange = part.get("exchange")
        if exchange is None or exchange["lost"] <= exchange["won"] or exchange["p_corrected"] >= RARITIES[-1][0]:
            continue
        what = PARTS.get(part["slice"], "{value} of " + part["slice"]).format(value=part["value"])
        name = OTHERS.get(exchange["model"], exchange["model"])
        yield (
            f"On {what} it is worse than {name}: of {part['rows']}, it got {exchange['lost']} wrong that {name} got "
            f"right, and {exchange['won']} the other way round; that is more than chance, with all parts looked at."
        )


def _forgetting(wire: Mapping[str, Any]) -> Iterator[str]:
    for task, told in wire.get("forgetting", {}).items():
        if told["forgotten"] is not None:
            yield (
                f"Of what the base model knows of everyday language, the {task} model forgot "
                f"{_share(told['forgotten'])}."
            )


def verdict_rows(verdict_wire: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The comparison of a verdict as a table: a header, then one row per metric.

    Models stand in the order floor, base, live, candidate, those that were judged. A cell reads `value (low – high)`;
    a bare value where the interval has no width, a dash where there is no value. A metric this version does not know
    is shown under its own name.
    """
    models = verdict_wire["models"]
    shown = [model for model in MODELS if model in models]
    named = {name for model in shown for name in models[model]}
    order = [name for name in METRICS if name in named] + sorted(named - METRICS.keys())
    rows: list[tuple[str, ...]] = [("", *shown)]
    for name in order:
        title, write = METRICS.get(name, (name, _plain))
        rows.append((title, *(_cell(models[model].get(name), write) for model in shown)))
    return rows


def _cell(interval: Mapping[str, float | None] | None, write: Callable[[float], str]) -> str:
    if interval is None or interval["value"] is None:
        return ABSENT
    value, low, high = interval["value"], interval.get("low"), interval.get("high")
    if low is None or high is None or low == high == value:
        return write(value)
    return f"{write(value)} ({write(low).split()[0]} – {write(high)})"
