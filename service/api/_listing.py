"""Pages of lists: one more row than asked for tells whether there is more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel

from service import cursors
from service.api._spec import Answer, Call
from service.schemas.shape import Listing, Page

Row = TypeVar("Row")


def listed(
    call: Call,
    rows: Callable[[Any, int], Sequence[Row]],
    mark: Callable[[Row], Any],
    shown: Callable[[Row], BaseModel],
) -> Answer:
    """A page of a list. `rows(after, limit)` reads it, `mark` tells where a row stands, `shown` how it looks."""
    page: Page = call.query
    asked = page.model_dump(mode="json", exclude={"limit", "cursor"})
    filters = repr(sorted(asked.items()))
    about = "\x1f".join([call.caller.workspace, str(request.endpoint), *call.path.values(), filters])
    after = cursors.read(call.service.secret, about, page.cursor)
    found = list(rows(after, page.limit + 1))
    kept = found[: page.limit]
    more = len(found) > page.limit
    following = cursors.write(call.service.secret, about, mark(kept[-1])) if more else None
    return Answer(Listing[Any](data=[shown(row) for row in kept], has_more=more, next_cursor=following))
