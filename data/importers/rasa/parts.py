"""The files of a Rasa project, whatever they are written in: told apart by content, read as one kind of parts.

A part is a key with what stands under it: an entry of `nlu`, `stories` or `rules`, the `responses` of a domain, one of
its `intents`. Markdown and JSON of old versions come in the same shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from data.importers import yaml_text
from data.importers.container import Member
from data.importers.entries import Flaw
from data.importers.kind import Sample, Source, share
from data.importers.nouns import Reason, Remark
from data.importers.rasa import markdown
from data.importers.strict_json import JsonError
from data.importers.yaml_text import Entries, YamlError

Part = tuple[str, Any]
Form = Literal["yaml", "markdown", "json", ""]

EXAMPLES = ("common_examples", "intent_examples", "entity_examples")
_JSON = {
    **{f"rasa_nlu_data.{name}.item": "example" for name in EXAMPLES},
    "rasa_nlu_data.entity_synonyms.item": "synonym",
    "rasa_nlu_data.regex_features.item": "regex",
    "rasa_nlu_data.lookup_tables.item": "lookup",
}
_DOMAIN = ("entities", "slots", "forms", "actions", "e2e_actions", "session_config", "templates", "responses")
_KEYS = re.compile(
    r"""^["']?(?:nlu|stories|rules|test_cases|intents|responses|templates|pipeline|policies|flows|slots|forms)["']?\s*:""",
    re.MULTILINE,
)
_OWN = re.compile(r"""^["']?(\w+)["']?\s*:""", re.MULTILINE)
_RESPONSE = re.compile(r"^[ \t]+[\"']?utter_\w", re.MULTILINE)
_SHOWN = 1 << 15


def form_of(sample: Sample) -> tuple[Form, float]:
    """What a file is written in, and how sure it is that it is a part of a Rasa project."""
    if sample.paths:
        return ("json", 0.97) if "rasa_nlu_data" in sample.paths else ("", 0.0)
    if not sample.is_text:
        return "", 0.0
    sure = _markdown(sample)
    if sure:
        return "markdown", sure
    sure = _yaml(sample.text)
    return ("yaml", sure) if sure else ("", 0.0)


def parts(source: Source, member: Member, form: Form) -> Iterator[Part | Flaw | Remark]:
    """What a file holds, part by part; last a flaw, where it cannot be read on."""
    if form == "markdown":
        yield from markdown.parts_of(source.lines(member))
    elif form == "json":
        try:
            for path, value in source.values(member, tuple(_JSON)):
                yield _JSON[path], value
        except JsonError as error:
            yield Flaw(error.reason, member.name)
    else:
        yield from _from_yaml(source, member)


def _from_yaml(source: Source, member: Member) -> Iterator[Part | Flaw | Remark]:
    text = source.text(member)
    if isinstance(text, Reason):
        yield Flaw(text, member.name)
        return
    entries = Entries(text)
    try:
        yield from entries
    except YamlError as error:
        yield Flaw(error.reason, f"{member.name}, line {error.line}")
    for key, line in entries.repeated:
        yield Remark("keys_repeated", 0, f"{key}: {member.name}, line {line}")


def _markdown(sample: Sample) -> float:
    lines = sample.lines
    if sum(bool(markdown.SECTION.match(line)) for line in lines):
        return 0.95
    heads = sum(line.startswith("## ") for line in lines)
    heard = [found[1] for line in lines if (found := markdown.USER.match(line)) is not None]
    done = [line for line in lines if re.match(r"^\s{1,9}-\s{0,9}(?:utter_|action_|slot\s?\{|form\s?\{)", line)]
    answered = heads and heard and all("/" in one.split(":")[0].split("{")[0] for one in heard)
    fits = share(
        lines, lambda line: line.startswith(("#", ">", "<!--")) or markdown.USER.match(line) or markdown.BOT.match(line)
    )
    if not heads or not heard or fits < 0.9:
        return 0.0
    return 0.9 if done else 0.75 if answered and _KEYS.search(sample.text) is None else 0.0


def _yaml(text: str) -> float:
    """How sure it is that a text is YAML of a Rasa project."""
    if _KEYS.search(text) is None:
        return 0.0
    top = set(_OWN.findall(text))
    shown = yaml_text.paths_of(text[:_SHOWN])
    if not top.intersection(shown):  # a text that holds YAML somewhere is none
        return 0.0
    if {"nlu.item.intent", "stories.item.steps", "rules.item.steps", "test_cases.item.steps"} & shown:
        return 0.95
    if {"nlu.item.synonym", "nlu.item.regex", "nlu.item.lookup"} & shown or _RESPONSE.search(text):
        return 0.95
    if "intents" in top and top.intersection(_DOMAIN):
        return 0.9
    if any(path.startswith("intents.item") for path in shown) and top <= {"version", "intents"}:
        return 0.75
    is_config = {"pipeline", "policies"} & top and top & {"language", "recipe", "version", "assistant_id"}
    is_part = {"slots", "forms"} & top and "version" in top and top <= {"version", *_DOMAIN}
    is_flow = "flows" in top and any(path.endswith(".steps.item.action") for path in shown)
    return 0.6 if is_config or is_part or is_flow else 0.0
