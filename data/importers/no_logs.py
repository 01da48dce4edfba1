"""Files that are well known and hold no conversations: what they are, and what belongs where instead.

Asked only of a file that is of no kind, so that nobody has to guess why a table without messages was refused.
"""

from __future__ import annotations

import re

from data.errors import ImportRefused
from data.importers.kind import Sample, share

_ABCD = "Upload the dialogues themselves (abcd_v1.1.json); answers and descriptions belong into the bot's profile."
_POLICY = "Upload the conversations themselves. What a bot should answer belongs into its profile, as approved answers."
_HEADING = re.compile(r"#{1,6} \S")
_PROSE = re.compile(r"(?:[-*+] |\d{1,3}[.)] |#{1,6} |> |\*\*|[^\W\d_])")
PROSE = 0.9
"""How many lines of a text in Markdown are headings, points or sentences."""


def refuse(sample: Sample) -> None:
    """Raise ImportRefused when the file is known to hold no conversations."""
    for what, remedy in _known(sample):
        raise ImportRefused(f"This is {what}: it holds no conversations.", remedy=remedy, reason="no_conversations")


def _known(sample: Sample) -> list[tuple[str, str]]:
    if sample.has("intents.flows", "intents.subflows", "actions"):
        return [("the ontology of ABCD", _ABCD)]
    if any(path.endswith(".subflows") for path in sample.paths) and any(
        path.endswith(".actions.item.button") for path in sample.paths
    ):
        return [("the guidelines for the agents of ABCD", _ABCD)]
    lists = [path for path in sample.paths if path.endswith(".item")]
    if lists and "pull-up-account" in sample.text and all(path.count(".") <= 1 for path in sample.paths):
        return [("the knowledge base of ABCD, the actions of each subflow", _ABCD)]
    return [("a text in Markdown, such as a policy or a guide", _POLICY)] if _is_markdown(sample) else []


def _is_markdown(sample: Sample) -> bool:
    """Prose under a heading: at least two of headings and points, and hardly a line that is anything else."""
    lines = sample.lines
    if not lines or not _HEADING.match(lines[0]):
        return False
    marked = sum(line.startswith(("#", "- ", "* ")) for line in lines)
    return marked >= 2 and share(lines, lambda line: _PROSE.match(line.lstrip())) >= PROSE
