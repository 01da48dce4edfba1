"""Making a release live: its files verified first, then one pointer moved, conditionally."""

from __future__ import annotations

from data.errors import IntegrityError
from data.store import Store, releases
from data.store.bots import Bot
from data.store.releases import Live, Promotion
from export.release import verify_release
from service.session import Session


def move(session: Session, store: Store, bot: Bot, wanted: Promotion) -> Live:
    """Move the live pointer to a release whose files are whole; where it is already, nothing changes.

    Raises NotFound, GateClosed, PointerMoved, IntegrityError.
    """
    with store.read() as tx:
        live, release = releases.live(tx, bot.id), releases.get(tx, bot.id, wanted.number)
    if live.release is not None and live.release.number == wanted.number:
        return live
    if release.state != "reserved":
        found = verify_release(session.release_folder(bot.name, wanted.number), session.settings.home / "encoders")
        if found.digest != release.digest:
            raise IntegrityError(
                f"Release {wanted.number} is not the one that was published.",
                remedy="`attune doctor` says what is damaged.",
                release=wanted.number,
            )
    with store.begin() as tx:
        return releases.promote(tx, bot.id, wanted)
