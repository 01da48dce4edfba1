"""A release without words that have to be forgotten: the replies, corrections and examples that repeat them.

What is taken out is taken out with its vector; all else stays byte for byte, and the manifest is written anew. The
weights of what reads stay as well, with the vectors of what was learned: no text is in them, and the mark on the
release says of what they know. What writes could say what it learned: it goes, with all that was noted of the voice.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from data.files import disk
from export.corrections import CORRECTIONS_FILE, Corrections
from export.corrections import VECTORS_FILE as CORRECTION_VECTORS
from export.drafts import VOICE_FILE
from export.release import MANIFEST
from export.replies import REPLIES_FILE, Reply, ReplyIndex
from export.sealed import read_seal, seal

VERDICT = "verdict.json"
NOBODYS = ""
"""The source of a reply whose first row went, while others say it too."""


class Words(Protocol):
    """What is to be forgotten (`data.erasing.words`)."""

    rows: set[str]
    feedback: set[str]

    def told(self, text: str) -> bool: ...
    def verdict(self, verdict: dict[str, Any]) -> dict[str, Any]: ...


def unsay(release: Path, aside: Path, words: Words) -> str | None:
    """Write the release into the new folder `aside` without the words. The digest of its manifest; None, and no folder,
    where it repeats none of them.

    Raises IntegrityError when the release cannot be read.
    """
    body, _ = read_seal(release, MANIFEST, what="release")
    index = ReplyIndex.load(release) if (release / REPLIES_FILE).exists() else None
    corrections = Corrections.load(release) if (release / CORRECTIONS_FILE).exists() else None
    verdict = json.loads((release / VERDICT).read_bytes()) if (release / VERDICT).exists() else None
    left = None if index is None else _replies(index, words)
    kept = None if corrections is None else _corrections(corrections, words)
    told = None if verdict is None else words.verdict(verdict)
    writes = bool(body.get("decoders"))
    if left is None and kept is None and told == verdict and not writes:
        return None
    with disk():
        shutil.copytree(release, aside)
        if left is not None:
            left.save(aside)
        if kept is not None:
            for name in (CORRECTIONS_FILE, CORRECTION_VECTORS):
                (aside / name).unlink()
            if len(kept):
                kept.save(aside)
        if told is not None:
            _write(aside / VERDICT, told)
        if writes:
            (aside / VOICE_FILE).unlink(missing_ok=True)
        (aside / MANIFEST).unlink()
    if writes:
        body = {**body, "decoders": {}, "adapters": {}}
    rewritten = [*body.get("rewritten", ()), datetime.now(UTC).isoformat(timespec="seconds")]
    return seal(aside, MANIFEST, {**body, "rewritten": rewritten})


def _replies(index: ReplyIndex, words: Words) -> ReplyIndex | None:
    """The replies that stay; None where all do, as they are. What the profile says as well stays with it."""
    stays = [place for place, reply in enumerate(index.replies) if reply.approved or not words.told(reply.text)]
    replies = [_unnamed(index.replies[place], words) for place in stays]
    if tuple(replies) == index.replies:
        return None
    return index.among(stays, replies)


def _unnamed(reply: Reply, words: Words) -> Reply:
    if reply.source not in words.rows:
        return reply
    return replace(reply, count=max(1, reply.count - 1), source=NOBODYS)


def _corrections(corrections: Corrections, words: Words) -> Corrections | None:
    stays = [place for place, one in enumerate(corrections.corrections) if one.id not in words.feedback]
    if len(stays) == len(corrections):
        return None
    return Corrections(corrections.vectors[stays], [corrections.corrections[place] for place in stays])


def _write(path: Path, body: Any) -> None:
    path.write_text(json.dumps(body, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")
