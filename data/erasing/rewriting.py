"""Taking words out of a release: the one thing that changes one.

The release is written anew beside itself; its row names the new digest first, then the folders change places. Between
the two the folder is not the one the row names, so that nobody loads it: what is in memory answers until it is told of
the change, and nothing that should be gone is read again. A kill in between leaves all that the next attempt needs.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from data.erasing.words import Words
from data.erasing.work import Work
from data.files import disk, make_folder, publish_folder, release_folder, remove
from data.store import census, forgetting
from data.store.releases import Release

MANIFEST = "manifest.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Rewrites releases of one bot."""

    work: Work
    words: Words

    def rewrite(self, release: Release) -> None:
        """Take the words out, if it repeats any."""
        if release.state == "reserved":
            return
        home = self.work.settings.home
        final = release_folder(home, self.work.store.workspace, self.work.bot.name, release.number)
        aside = home / "tmp" / f"{self.work.erasure.id}-{release.number}"
        if release.digest == _digest(final):
            self._drop_models(aside / "old")  # a killed attempt had come nearly to its end
        if _digest(aside / "new") == release.digest != _digest(final):
            self._exchange(final, aside)  # a killed attempt had come this far
            return
        if not final.is_dir():
            return
        self.work.context.check()
        remove(aside)
        with disk():
            make_folder(aside)
        digest = self.work.unsay(final, aside / "new", self.words)
        if digest is not None:
            self._record(release, aside / "new", digest)
            self._exchange(final, aside)
        remove(aside)

    def _record(self, release: Release, folder: Path, digest: str) -> None:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        values = {"digest": digest, "manifest": manifest, "revision": release.revision + 1}
        with self.work.ledger.begin() as tx:
            forgetting.change_release(tx, self.work.bot.id, release.number, **values)
            self.work.ledger.list("releases", {"release": release.number, "rewritten": True}, "release")

    def _exchange(self, final: Path, aside: Path) -> None:
        with disk():
            if final.is_dir():
                final.rename(aside / "old")
        publish_folder(aside / "new", final)
        self._drop_models(aside / "old")
        remove(aside)

    def _drop_models(self, old: Path) -> None:
        """Take away what wrote replies for the release as it was, where no other release needs it: its weights could
        say what they learned. A decoder over which adapters lie is its base as it came, and stays."""
        try:
            named = json.loads((old / MANIFEST).read_bytes())
        except (OSError, ValueError):
            return
        kind = "adapters" if named.get("adapters") else "decoders"
        needed = census.take(self.work.store).models
        for digest in dict(named.get(kind) or {}).values():
            if _DIGEST.fullmatch(digest) and f"{kind}/{digest}" not in needed:
                remove(self.work.settings.home / kind / digest)


def _digest(folder: Path) -> str | None:
    """That of the manifest in the folder; None where there is none."""
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    except OSError:
        return None
