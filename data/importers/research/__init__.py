"""Published corpora of service dialogues, in the shapes in which their authors give them away."""

from data.importers.research import corpora

KINDS = corpora.KINDS
