"""What happens to one utterance before any model sees it: cleaned, then redacted.

Training and serving both come through here, so that a model never meets in a chat a form of text it was not trained on.
"""

from __future__ import annotations

from data.clean import clean
from data.redact import Memory, Redactor
from data.settings import ImportSettings


class Preparer:
    """`prepare(text) -> text` for one utterance outside a conversation (placeholders count from 1). Idempotent."""

    def __init__(self, settings: ImportSettings) -> None:
        self._redactor = Redactor(settings)

    def __call__(self, text: str) -> str:
        return self._redactor.redact(clean(text).text, Memory()).text
