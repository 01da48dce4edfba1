"""What a reviewer is told about feedback that was accepted: what will become of it, in words."""

from __future__ import annotations

from data.lessons import FLOODING_SOURCE, MEASURED, NOTHING_TO_LEARN, OVER_SOURCE_CAP, Outlook

WORDS = {
    MEASURED: "It is measured, not learned: its conversation stands in the test split, and stays there.",
    FLOODING_SOURCE: "Not used: its source gave so much at once that nothing of it is used.",
    OVER_SOURCE_CAP: "Not used: its source has given as much as one source may teach.",
    NOTHING_TO_LEARN: "Not used: there is nothing in it to learn. Correct the reply or the intent.",
}
LEARNED = "The next training learns from it."


def in_words(outlook: Outlook) -> str:
    """What accepting means, in a sentence or two."""
    said = [WORDS.get(code, code) for code in outlook.why]
    return " ".join(said) if said else LEARNED
