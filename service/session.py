"""What a verb works with: the settings of the home folder, its store, the terminal, and a way to start the trainer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from data.errors import NotFound, UsageError
from data.files import disk, release_folder
from data.schema import DEFAULT_WORKSPACE
from data.settings import Settings, load_settings
from data.store import Store, bots, open_store, workspaces
from data.store.bots import Bot
from service.child import Launch, trainer_command
from service.terminal import Terminal


@dataclass
class Session:
    """One call of one verb. `launch` turns arguments for the trainer into the command of a child process."""

    home: Path | None = None
    terminal: Terminal = field(default_factory=Terminal)
    launch: Launch = trainer_command

    @cached_property
    def settings(self) -> Settings:
        """Raises SettingsError; UsageError when the home folder is a file."""
        if self.home is not None and self.home.exists() and not self.home.is_dir():
            raise UsageError("The home folder that was named is a file.", remedy="Name a folder, or a new one.")
        return load_settings(self.home)

    @property
    def is_fresh(self) -> bool:
        """Whether nothing was ever kept in this home folder."""
        return self.settings.store.url is None and not (self.settings.home / "attune.db").exists()

    @contextmanager
    def new_store(self) -> Iterator[Store]:
        """The store, created where there is none, seen from the workspace of the settings, created likewise."""
        with self._opened() as store:
            if self.settings.workspace != DEFAULT_WORKSPACE:
                workspaces.ensure(store, self.settings.workspace)
            yield store

    @contextmanager
    def _opened(self) -> Iterator[Store]:
        settings = self.settings
        with disk():
            settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open_store(
            settings.store_url,
            home=settings.home,
            busy_seconds=settings.store.busy_seconds,
            max_attempts=settings.jobs.max_attempts,
        ) as store:
            yield store.for_workspace(settings.workspace)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store that is there. Raises NotFound when there is none: looking makes nothing."""
        if self.is_fresh:
            raise NotFound(
                f"The home folder {str(self.home or self.settings.home.name)!r} holds nothing yet.",
                remedy="`attune init BOT` begins one; --home or ATTUNE_HOME names another.",
            )
        with self._opened() as store:
            yield store

    def bot(self, store: Store, name: str) -> Bot:
        """Raises NotFound."""
        with store.read() as tx:
            return bots.get(tx, name)

    def release_folder(self, bot: str, number: int) -> Path:
        return release_folder(self.settings.home, self.settings.workspace, bot, number)


def readable_file(path: Path) -> Path:
    """`path`, once it is known to be a file. Raises NotFound or UsageError, naming it as the user did."""
    if path.is_dir():
        raise UsageError(
            f"{path.name or str(path)!r} is a folder; a file is expected.",
            remedy="Name files in it; an export that is a folder is uploaded as one zip.",
        )
    if not path.exists():
        raise NotFound(f"There is no file {path.name!r}.", remedy="Check its name and folder.")
    if not path.is_file():
        raise UsageError(f"{path.name!r} is a pipe or a device.", remedy="Write what it holds into a file first.")
    return path
