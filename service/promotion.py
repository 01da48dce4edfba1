"""Making a release live: its files verified first, then one pointer moved, conditionally."""

from __future__ import annotations

from data.errors import IntegrityError
from data.files import release_folder
from data.store import Store, Tx, releases
from data.store.bots import Bot
from data.store.releases import Live, Promotion
from export.release import verify_release


def move(store: Store, bot: Bot, wanted: Promotion) -> Live:
    """Move the live pointer to a release whose files are whole; where it is already, nothing changes.

    Raises NotFound, GateClosed, PointerMoved, IntegrityError.
    """
    with store.read() as tx:
        live, release = releases.live(tx, bot.id), releases.get(tx, bot.id, wanted.number)
    if live.release is not None and live.release.number == wanted.number:
        return live
    if release.state != "reserved":
        folder = release_folder(store.home, store.workspace, bot.name, wanted.number)
        if verify_release(folder, store.home / "encoders").digest != release.digest:
            raise IntegrityError(
                f"Release {wanted.number} is not the one that was published.",
                remedy="`attune doctor` says what is damaged.",
                release=wanted.number,
            )
    with store.begin() as tx:
        return point(tx, bot, wanted)


def point(tx: Tx, bot: Bot, wanted: Promotion) -> Live:
    """Move the live pointer to a release that the caller has verified; where it is already, nothing changes.

    Raises NotFound, GateClosed, PointerMoved.
    """
    live = releases.live(tx, bot.id)
    if live.release is not None and live.release.number == wanted.number:
        return live
    return releases.promote(tx, bot.id, wanted)
