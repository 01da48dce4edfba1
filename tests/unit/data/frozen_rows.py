"""A frozen dataset that was never on a disk: its rows, and the manifest they make."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from data.schema import SPLITS, Example


def row(text, intent=None, split="", **more):
    """An example; without a split it is spread over them by its text."""
    body = {"id": text, "conversation": text, "upload": "u", "language": "en", **more}
    return Example(
        text=text, intent=intent, split=split or SPLITS[len(text) % 7 % 3 if len(text) % 7 < 3 else 0], **body
    )


@dataclass
class Frozen:
    """What `data.appraise` asks of a dataset."""

    examples: list
    seen: dict = field(default_factory=dict)
    near: dict = field(default_factory=dict)
    fingerprint: str = "f" * 64

    @property
    def manifest(self):
        labels = {split: Counter() for split in SPLITS}
        for one in self.examples:
            labels[one.split].update([one.intent] if one.intent is not None else [])
        return {
            "rows": {split: sum(one.split == split for one in self.examples) for split in SPLITS},
            "labels": labels,
            "replies": {
                split: sum(one.split == split and one.reply is not None for one in self.examples) for split in SPLITS
            },
            "seen": self.seen,
            "near_duplicates_of_train": self.near,
            "settings": {"shares": {"train": 0.8, "validation": 0.1, "test": 0.1}},
        }

    def rows(self, split):
        return (one for one in self.examples if one.split == split)
