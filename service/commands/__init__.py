"""The verbs, one module per noun, in the order in which `attune --help` shows them.

A module is loaded only when one of its verbs is called, or when all are listed: what one verb needs (a model runtime, a
web server) costs the others neither time nor memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

VERBS: dict[str, tuple[str, ...]] = {
    "bots": ("init", "bots", "profile"),
    "uploads": ("import",),
    "findings": ("data",),
    "discovering": ("discover", "intents"),
    "training": ("train", "experiment", "worker"),
    "bases": ("bases",),
    "rewriting": ("rewrite",),
    "pretraining": ("pretrain",),
    "datasets": ("datasets",),
    "releases": ("releases", "evaluate", "promote", "rollback"),
    "chat": ("chat",),
    "comparing": ("compare",),
    "feedback": ("feedback",),
    "serving": ("serve",),
    "access": ("keys",),
    "jobs": ("jobs",),
    "demo": ("demo",),
    "erasing": ("erase", "erasures"),
    "upkeep": ("doctor",),
}


def groups(verb: str | None = None) -> Iterator[Callable[[Any], None]]:
    """What puts verbs on the command line: those of the module that has `verb`, or all where none has it."""
    chosen = [module for module, verbs in VERBS.items() if verb in verbs] or list(VERBS)
    return (import_module(f"service.commands.{module}").register for module in chosen)
