"""Rasa: a whole project, or files of it, of any version; and the talks that its trackers keep."""

from data.importers.kind import Kind
from data.importers.rasa import project, trackers

KINDS: tuple[Kind, ...] = (*project.KINDS, *trackers.KINDS)
