"""What must not come in again: people by keyed digests of their names, files by their own digest.

A digest is made with the key in `erasure.key`: who has the database alone cannot try names until one fits. A name is
compared without regard to case and spacing, and also in each form in which its conversations may have been kept: as it
was written, or as the pseudonym that stands in place of an address or a number.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from data.errors import Erased, IntegrityError
from data.importers import Item, Reason
from data.prepare import pseudonym
from data.schema import Conversation, SetAside
from data.secret_file import kept_secret
from data.store import Store, Tx, erasures, uploads
from data.store.conversations import customer_digest

KEY_FILE = "erasure.key"


class Marks:
    """Keyed digests of one home; what they are made of cannot be told from them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of(cls, home: Path) -> Marks:
        return cls(kept_secret(home / KEY_FILE))

    def named(self, name: str) -> str:
        """Of a name as somebody writes it."""
        plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
        return self._digest("named", plain)

    def kept(self, digest: str) -> str:
        """Of a customer as the store knows one (`conversations.customer_digest`)."""
        return self._digest("kept", digest)

    def conversation(self, fingerprint: str) -> str:
        return self._digest("conversation", fingerprint)

    def _digest(self, kind: str, text: str) -> str:
        said = f"{kind}\x1f{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()


def kept_digests(name: str) -> tuple[str, ...]:
    """The digests under which conversations of a customer of this name may be kept."""
    written = dict.fromkeys((name, name.strip(), name.strip().lower(), name.strip().upper(), name.strip().title()))
    forms = dict.fromkeys((*written, *(pseudonym(form) for form in written)))
    return tuple(str(customer_digest(form)) for form in forms)


class Sieve:
    """Keeps out what was erased while a file is imported; `stopped` counts the conversations it kept out."""

    def __init__(self, marks: Marks | None, suppressed: frozenset[str]) -> None:
        self._marks = marks
        self._suppressed = suppressed
        self.stopped = 0

    @classmethod
    def of(cls, store: Store, home: Path, bot_id: str) -> Sieve:
        """Raises IntegrityError when there is something to keep out and the key that tells it is gone."""
        with store.read() as tx:
            suppressed = erasures.suppressed(tx, bot_id)
        if not suppressed:
            return cls(None, suppressed)
        if not (home / KEY_FILE).exists():
            raise IntegrityError(
                f"{KEY_FILE} is gone: what was erased could come in again unseen.",
                remedy=f"Restore {KEY_FILE} from a backup, or lift what is kept out (`attune erasures BOT ID --lift`).",
            )
        return cls(Marks.of(home), suppressed)

    def sift(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items; conversations of those who were erased are set aside."""
        for item in items:
            if isinstance(item, Conversation) and self.is_erased(item.customer):
                self.stopped += 1
                yield SetAside(item.row, Reason.ERASED, rows=item.rows)
            else:
                yield item

    def stops(self, fingerprints: Iterable[str]) -> set[str]:
        """Those of these conversations that were erased one by one."""
        if self._marks is None:
            return set()
        marks = self._marks
        found = {one for one in fingerprints if marks.conversation(one) in self._suppressed}
        self.stopped += len(found)
        return found

    def is_erased(self, customer: str | None) -> bool:
        """Whether conversations of this customer, as the file names them, stay out."""
        if self._marks is None or customer is None:
            return False
        marks = self._marks
        forms = (customer, pseudonym(customer))
        told = (marks.named(customer), *(marks.kept(str(customer_digest(form))) for form in forms))
        return not self._suppressed.isdisjoint(told)


def check_original(tx: Tx, bot_id: str, digest: str) -> None:
    """Raises Erased for a file that was erased, or that held somebody who was."""
    if digest in erasures.suppressed(tx, bot_id) or uploads.is_gone(tx, bot_id, digest):
        raise Erased(
            "This file was erased, or held somebody who was: it is not taken again.",
            remedy="What it held of others is imported already. `attune erasures BOT ID --lift` lets it in again.",
        )
