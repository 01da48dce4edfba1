"""Every error attune raises on purpose.

AttuneError
├── UsageError              what was asked for makes no sense as asked
│   ├── SettingsError       the environment, a settings file or a flag
│   ├── ProfileError        a bot profile
│   ├── RecipeError         a recipe: all its problems at once
│   ├── DatasetError        the data cannot feed what was asked for (too few rows, one class, ...)
│   └── IdempotencyMismatch one Idempotency-Key, two different requests
├── ImportRefused           a whole file that cannot be imported (single rows are set aside, never raised)
│   └── FindingsTooBad      it could be, but was not to be with findings as bad as these; the error holds them all
├── NotFound                absent, or somebody else's: the two are indistinguishable on purpose
├── Conflict                true a moment ago, not now
│   ├── NameTaken
│   ├── PointerMoved        the live pointer is not where the caller last saw it
│   ├── GateClosed          the verdict does not allow this promotion
│   ├── Erased              it was erased, and is not taken again
│   └── InUse
├── JobError
│   ├── LeaseLost           another worker owns the job now: stop, write nothing
│   └── JobCancelled
├── TrainingError
│   ├── Diverged            the loss is not a number
│   ├── Collapsed           the model predicts one class
│   └── ParityFailed        the exported model does not answer as the trained one
├── BaseRefused             a base model that fails its digest or crosses the trust boundary
├── Overloaded              as much is done at once as may be: try again soon
├── ReleaseUnavailable      a bot's live release cannot be loaded, nor an earlier one: nothing can answer
├── IntegrityError          bytes that are not the bytes the store recorded
└── StorageError
    ├── StoreUnavailable    busy or gone: try again
    ├── StorageFull
    ├── StoreCorrupt
    └── SchemaTooNew        written by a newer attune

A message says what was expected, what came, and what to do. It never holds a path of the machine, SQL, or user text;
`ids` names the things it speaks of (bot, upload, job, row, ...).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class AttuneError(Exception):
    """Base of all. `code` is stable and documented in docs/errors.md; `remedy` is the next step for a human."""

    code = "error"

    def __init__(self, message: str, *, remedy: str = "", **ids: object) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.ids = ids

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def to_wire(self) -> dict[str, object]:
        """The error as jobs store it and clients read it."""
        ids = {name: value if isinstance(value, (int, float)) else str(value) for name, value in self.ids.items()}
        return {"code": self.code, "message": self.message, "remedy": self.remedy, "ids": ids}


class UsageError(AttuneError):
    code = "usage_invalid"


class SettingsError(UsageError):
    code = "settings_invalid"


class ProfileError(UsageError):
    code = "profile_invalid"


class RecipeError(UsageError):
    code = "recipe_invalid"


class DatasetError(UsageError):
    code = "dataset_unfit"


class IdempotencyMismatch(UsageError):
    code = "idempotency_mismatch"


class ImportRefused(AttuneError):
    code = "import_refused"


class FindingsTooBad(ImportRefused):
    """`findings` as reports hold them; no text of a customer beyond their redacted samples."""

    code = "findings_too_bad"

    def __init__(self, level: str, grave: Sequence[str], findings: Sequence[Mapping[str, Any]], **ids: object) -> None:
        super().__init__(
            f"Nothing was kept: there are findings as bad as {level}, or worse ({', '.join(grave[:10])}).",
            remedy="Mend what they name (docs/formats.md), or choose another level (fail_on).",
            **ids,
        )
        self.findings = [dict(one) for one in findings]

    def to_wire(self) -> dict[str, object]:
        return {**super().to_wire(), "findings": self.findings}


class NotFound(AttuneError):
    code = "not_found"


class Conflict(AttuneError):
    code = "conflict"


class NameTaken(Conflict):
    code = "name_taken"


class PointerMoved(Conflict):
    code = "pointer_moved"


class GateClosed(Conflict):
    code = "promotion_gate_failed"


class Erased(Conflict):
    code = "erased"


class InUse(Conflict):
    code = "in_use"


class JobError(AttuneError):
    code = "job_failed"


class LeaseLost(JobError):
    code = "lease_lost"


class JobCancelled(JobError):
    code = "job_cancelled"


class TrainingError(AttuneError):
    code = "training_failed"


class Diverged(TrainingError):
    code = "diverged"


class Collapsed(TrainingError):
    code = "collapsed"


class ParityFailed(TrainingError):
    code = "parity_failed"


class BaseRefused(AttuneError):
    code = "base_refused"


class Overloaded(AttuneError):
    code = "overloaded"


class ReleaseUnavailable(AttuneError):
    code = "release_unavailable"


class IntegrityError(AttuneError):
    code = "integrity_failed"


class StorageError(AttuneError):
    code = "storage_failed"


class StoreUnavailable(StorageError):
    code = "store_unavailable"


class StorageFull(StorageError):
    code = "storage_full"


class StoreCorrupt(StorageError):
    code = "store_corrupt"


class SchemaTooNew(StorageError):
    code = "schema_too_new"
