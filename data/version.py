"""Which attune this is. Apart from all else, so that knowing it costs nothing."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def attune_version() -> str:
    """The version that is installed."""
    try:
        return version("attune")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0"
