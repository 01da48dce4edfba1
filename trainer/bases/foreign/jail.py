"""A child process that looks at what others made: no network, no programs, bounded memory, time and files.

Flags that call a loader safe have been got round before. So whatever a foreign file makes the loader do, it is done
here, where there is nothing to take and nobody to send it to: an empty environment, a network namespace of its own
where the system grants one, and in any case a watch that ends the process before it connects or starts anything.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import BaseRefused

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.")
"""Beginnings of the names under which the interpreter announces what no model needs."""
MAY_ASK = ("socket.gethostname",)
BROKE_OUT = 97
"""Exit status of a child that tried what it must not."""
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2",
    "HOME": "/nonexistent", "LANG": "C.UTF-8", "TOKENIZERS_PARALLELISM": "false",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of address space, of a file it writes, and seconds."""

    memory: int
    file: int
    seconds: int

    @classmethod
    def for_weights(cls, size: int) -> Limits:
        """What it takes to convert and try weights of `size` bytes, and the libraries beside."""
        return cls(memory=(6 << 30) + 6 * size, file=(16 << 20) + 2 * size, seconds=120 + size // (10 << 20))


def run_jailed(module: str, folder: Path, limits: Limits) -> dict[str, Any]:
    """Run `python -m module folder` locked in, and return the JSON object it prints. Raises BaseRefused."""
    given = json.dumps([limits.memory, limits.file, limits.seconds])
    command = [sys.executable, "-P", "-m", module, str(folder), given]
    try:
        ended = subprocess.run(  # noqa: S603 - our own interpreter and module, no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=ENVIRONMENT, cwd=folder, timeout=2 * limits.seconds, check=False, start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _stopped("it took longer than such a model takes") from None
    try:
        said = json.loads(ended.stdout)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        why = "it tried to reach out of its process" if ended.returncode == BROKE_OUT else "it ended without a word"
        raise _stopped(why if ended.returncode >= 0 else "it needed more memory or time than such a model needs")
    return heeded(said)


def heeded(said: dict[str, Any]) -> dict[str, Any]:
    """What the child said; raises BaseRefused where it refused."""
    if "refused" in said:
        raise BaseRefused(str(said["refused"]), remedy=str(said.get("remedy", "")))
    return said


def lock_in(given: str, loaded: Sequence[str]) -> None:
    """In the child: lose the network, load the libraries `loaded`, then bind memory, time and files, and watch."""
    _lose_network()
    for name in loaded:
        __import__(name)
    memory, file, seconds = json.loads(given)
    import resource

    for kind, most in (
        (resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, file), (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_NOFILE, 256), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        resource.setrlimit(kind, (most, most))
    sys.addaudithook(_watch)


def tell(body: Mapping[str, Any]) -> None:
    """In the child: the one thing it says."""
    os.write(1, json.dumps(body).encode())


def _watch(event: str, _arguments: object) -> None:
    if event.startswith(FORBIDDEN) and event not in MAY_ASK:
        os._exit(BROKE_OUT)


def _lose_network() -> None:
    """A namespace without any network. Where the system grants none, the watch is what is left."""
    if sys.platform == "linux":
        unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
        if unshare is not None and unshare(NEW_NETWORK) != 0:
            unshare(NEW_USER | NEW_NETWORK)


def _stopped(why: str) -> BaseRefused:
    return BaseRefused(
        f"The model was given up while it was looked at: {why}.",
        remedy="Take it from somebody you trust, saved as safetensors with save_pretrained.",
    )
