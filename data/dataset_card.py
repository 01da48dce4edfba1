"""The card of a dataset: README.md of one that is handed out. Figures and names of labels; no message of a customer.

The front matter follows the dataset card metadata of the Hugging Face hub. The same dataset gives the same text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from data.lineage import Lineage
from data.markdown import front_matter, plain, table
from data.schema import SPLITS

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST = "1M<n<10M"


def dataset_card(bot: str, found: Lineage) -> str:
    """The whole README.md, ending in a newline."""
    parts = (_front, _opening, _rows, _sources, _labels, _rules)
    return "\n\n".join(part for section in parts for part in section(bot, found)) + "\n"


def _front(bot: str, found: Lineage) -> Iterator[str]:
    manifest = found.dataset.manifest
    rows = _total(manifest["rows"]) + _total(manifest.get("seen", {}))
    fields: dict[str, Any] = {
        "pretty_name": f"{bot}, dataset {found.dataset.number}",
        "language": list(manifest.get("languages", {})),
        "license": "other",
        "task_categories": ["text-classification", "text-retrieval"],
        "size_categories": [next((name for most, name in SIZES if rows < most), LARGEST)],
        "tags": ["attune", "customer-service"],
    }
    yield front_matter(fields)


def _opening(bot: str, found: Lineage) -> Iterator[str]:
    one = found.dataset
    yield f"# {plain(bot)}, dataset {one.number}"
    yield (
        f"One row for every message of a customer in the conversations of {plain(bot)}: its text and labels, the turns "
        f"before it, and what the brand answered. Frozen on {one.created_at:%Y-%m-%d}; fingerprint `{one.fingerprint}`."
    )
    if one.erased_at is not None:
        yield (
            f"**A tombstone.** It held what was erased on {one.erased_at:%Y-%m-%d}: its rows are gone"
            + (f"; those that remained are dataset {found.successor}." if found.successor else ".")
        )
    erased = one.manifest.get("erased")
    if erased:
        yield f"Made of the rows of `{plain(erased['from'][:12])}` that stayed when {erased['rows']} were erased."


def _rows(_: str, found: Lineage) -> Iterator[str]:
    manifest = found.dataset.manifest
    seen = manifest.get("seen", {})
    head = ("Split", "Rows", "Conversations", "With a reply", "Apart, for train says the same")
    body = [
        (split, manifest["rows"][split], manifest["conversations"].get(split, 0),
         manifest.get("replies", {}).get(split, 0), seen.get(split, 0))
        for split in SPLITS
    ]  # fmt: skip
    yield "## Rows"
    yield table([head, *body])
    if manifest.get("set_aside"):
        yield table([("Conversations left out because", "Conversations"), *manifest["set_aside"].items()])
    if manifest.get("languages"):
        untold = _total(manifest["rows"]) - _total(manifest["languages"])
        rest = [("too short to tell", untold)] if untold > 0 else []
        yield table([("Language", "Rows"), *_by_count(manifest["languages"]), *rest])


def _sources(_: str, found: Lineage) -> Iterator[str]:
    yield "## Where it comes from"
    counted = any(source.rows is not None for source in found.sources)
    head = ("File", "Digest", "Handed in by", "On", *(("Rows",) if counted else ()))
    body = [
        (source.name, source.digest[:12], source.uploaded_by or "command line", f"{source.created_at:%Y-%m-%d}",
         *((_total(source.rows or {}),) if counted else ()))
        for source in found.sources
    ]  # fmt: skip
    if body:
        yield table([head, *body], right=False)
    taught = found.dataset.manifest.get("feedback", {}).get("rows_used", 0)
    yield f"{taught} rows came of feedback that reviewers accepted."


def _labels(_: str, found: Lineage) -> Iterator[str]:
    manifest = found.dataset.manifest
    for title, name in (("Intent", "labels"), ("Sentiment", "sentiments"), ("Entity", "entities")):
        counted: Mapping[str, Mapping[str, int]] = manifest.get(name, {})
        total = Counter[str]()
        for split in counted.values():
            total.update(split)
        if total:
            yield f"## By {title.lower()}"
            rows = [
                (label, *(counted.get(split, {}).get(label, 0) for split in SPLITS)) for label, _ in total.most_common()
            ]
            if name != "entities":  # of which a message has any number
                none = [manifest["rows"][split] - _total(counted.get(split, {})) for split in SPLITS]
                rows += [("(no label)", *none)] if any(none) else []
            yield table([(title, *(split.capitalize() for split in SPLITS)), *rows])


def _rules(_: str, found: Lineage) -> Iterator[str]:
    yield "## What to know"
    yield """\
- Personal data was replaced by placeholders such as `[email 1]`, by pattern: a rare form may have been missed.
- Conversations of one customer, and such as share nearly equal messages, stand in one split; no row changes its split.
- `weight` is 1 / the rows of its near-duplicate cluster in its split. Rows of validation and test that say what a row
  of train says stand apart in `seen_validation` and `seen_test`: no score should count them.
- The words are those of the brand's customers and people: whoever passes this on needs the right to."""


def _total(counts: Mapping[str, int]) -> int:
    return sum(counts.values())


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))
