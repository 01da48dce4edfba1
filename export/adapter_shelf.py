"""Adapters in memory over one decoder: loaded when first asked for, the one that nobody used for longest given up."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnxruntime_genai as og

from data.errors import IntegrityError
from export.adapters import AdapterFolder, open_adapter
from export.sealed import REMEDY
from export.sharing import Use

KEPT = 64


class AdapterShelf:
    """The adapters of one loaded decoder. Thread-safe; an adapter in use is never given up."""

    def __init__(self, model: og.Model, decoder: str, kept: int = KEPT) -> None:
        """`decoder` is the digest that adapters must have been made for; `kept` how many stay when nobody uses them."""
        self.engine = og.Adapters(model)
        self._decoder = decoder
        self._kept = kept
        self._lock = threading.Lock()
        self._loaded: OrderedDict[str, AdapterFolder] = OrderedDict()
        self._used: dict[str, int] = {}
        self._returned: deque[str] = deque()

    @contextmanager
    def using(self, folder: Path | None) -> Iterator[str | None]:
        """The engine's name of the adapter in the sealed `folder`, which stays loaded meanwhile; None for none.

        Raises NotFound or IntegrityError, as `open_adapter` does.
        """
        if folder is None:
            yield None
            return
        name = folder.name
        with self._lock:
            self._settle()
            if name not in self._loaded:
                self._load(folder)
            self._loaded.move_to_end(name)
            self._used[name] = self._used.get(name, 0) + 1
        try:
            yield name
        finally:
            # A reply that nobody closed ends wherever its memory is collected, which may be in the midst of the lines
            # above, in this very thread. So nothing is waited for here.
            self._returned.append(name)
            if self._lock.acquire(blocking=False):
                try:
                    self._settle()
                    self._give_up(self._kept)
                finally:
                    self._lock.release()

    def loaded(self) -> tuple[str, ...]:
        """Digests of what is in memory, the one unused for longest first."""
        with self._lock:
            return tuple(self._loaded)

    def usage(self) -> tuple[Use, ...]:
        """What is in memory, ordered by digest."""
        with self._lock:
            self._settle()
            return tuple(
                Use(digest, adapter.size_bytes, self._used.get(digest, 0))
                for digest, adapter in sorted(self._loaded.items())
            )

    def _settle(self) -> None:
        """Write down who gave back what."""
        while self._returned:
            name = self._returned.popleft()
            self._used[name] -= 1
            if not self._used[name]:
                del self._used[name]

    def _load(self, folder: Path) -> None:
        opened = open_adapter(folder, decoder=self._decoder)
        self._give_up(self._kept - 1)
        try:
            self.engine.load(str(opened.weights), folder.name)
        except RuntimeError as error:
            raise IntegrityError(
                f"The matrices of this adapter cannot be loaded ({type(error).__name__}).", remedy=REMEDY
            ) from None
        self._loaded[folder.name] = opened

    def _give_up(self, kept: int) -> None:
        for name in [name for name in self._loaded if name not in self._used][: max(len(self._loaded) - kept, 0)]:
            self.engine.unload(name)
            del self._loaded[name]
