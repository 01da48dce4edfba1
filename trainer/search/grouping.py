"""Which rows belong together, so that none is scored by a model that has learned its like."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

from data.dedupe import NearIndex
from trainer.intents.intent_data import Utterances


def groups_of(rows: Utterances) -> list[int]:
    """The number of every row's group: rows that say nearly the same, or come of one source, and what hangs together
    by such rows."""
    near = [f"n{key}" for key in NearIndex().assign(rows.texts)]
    sources = rows.sources or [None] * len(rows)
    own = [f"s{source}" if source is not None else f"n{key}" for source, key in zip(sources, near, strict=True)]
    place = {key: at for at, key in enumerate(dict.fromkeys([*near, *own]))}
    edges = np.array([[place[key] for key in near], [place[key] for key in own]]).reshape(2, -1)
    graph = coo_array((np.ones(len(near)), (edges[0], edges[1])), shape=(len(place), len(place)))
    _, component = connected_components(graph, directed=False)
    return [int(component[place[key]]) for key in near]
