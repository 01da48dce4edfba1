"""A release without words that have to be forgotten: what goes with them, and what stays since the profile says it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from export.parts import Parts
from export.release import open_release
from export.replies import Reply, ReplyIndex
from export.unsaid import unsay
from tests.unit.export.conftest import lay_release

FORGOTTEN = "Ann, it is on its way."
LISTED = "It takes three days."


class Words:
    """Two replies, one of which the profile says as well."""

    rows = frozenset({"row 1"})
    feedback: frozenset[str] = frozenset()

    def told(self, text: str) -> bool:
        return text in (FORGOTTEN, LISTED)

    def verdict(self, verdict: dict[str, Any]) -> dict[str, Any]:
        return verdict


def test_an_approved_answer_stays_where_a_reply_in_the_same_words_goes(tmp_path: Path, parts: Parts) -> None:
    assert parts.reply is not None
    replies = [Reply(LISTED, count=1, approved=True), Reply(FORGOTTEN), Reply("Hello.", count=2, source="row 1")]
    index = ReplyIndex(np.eye(3, parts.reply.index.hidden), replies)
    encoders = {"intent": "a" * 64, "reply": "b" * 64}
    release = lay_release(tmp_path / "7", replace(parts, reply=replace(parts.reply, index=index)), encoders)
    digest = unsay(release, tmp_path / "aside", Words())  # type: ignore[arg-type]
    left = ReplyIndex.load(tmp_path / "aside")
    assert left.replies == (replies[0], Reply("Hello.", count=1))
    np.testing.assert_array_equal(left.vectors, index.vectors[[0, 2]])
    assert open_release(tmp_path / "aside").digest == digest
    assert len(json.loads((tmp_path / "aside" / "manifest.json").read_bytes())["rewritten"]) == 1
