"""Frozen datasets, and lineage: from an answer or a release to whose file it came in, and back."""

from __future__ import annotations

from collections.abc import Mapping

from data.dataset_card import dataset_card
from data.difference import difference
from data.inventory import FROM_FEEDBACK, Row, slice_rows
from data.lineage import Lineage, Source, counted, frozen, of_dataset, of_turn, of_upload
from data.store import Tx, bots, datasets, turns, uploads
from data.store.bots import Bot
from service.api._lineage import dataset_source, dataset_summary
from service.api._listing import listed
from service.api._spec import Access, Answer, Api, Call, Route
from service.api.releases import number_of
from service.errors import Refusal
from service.schemas.datasets import (
    DatasetDetail,
    DatasetDiff,
    DatasetRow,
    DatasetRun,
    DatasetSummary,
    DiffQuery,
    SayingRow,
    TurnLineage,
)
from service.schemas.shape import Listing, Page

api = Api("datasets", "What was frozen to train on, and what came of it.")


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/datasets",
        access=Access("read"),
        query=Page,
        answers={200: Listing[DatasetSummary]},
    )
)
def index(call: Call) -> Answer:
    """The datasets of a bot, the newest first."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        return listed(
            call,
            lambda after, limit: datasets.page(tx, bot.id, after=after, limit=limit),
            lambda one: one.number,
            lambda one: dataset_summary(bot, of_dataset(tx, one)),
        )


@api.route(
    Route(method="GET", rule="/v1/bots/<bot>/datasets/<number>", access=Access("read"), answers={200: DatasetDetail})
)
def show(call: Call) -> Answer:
    """A dataset: rows by split and source, what it was built from, what was trained on it, its card."""
    store = call.service.store_of(call.caller)
    with store.read() as tx:
        bot, found = _found(call, tx, call.path["number"])
    found = counted(store, found)
    return Answer(
        DatasetDetail(
            **dataset_summary(bot, found).model_dump(),
            sources=[dataset_source(source) for source in found.sources],
            feedback=None if found.feedback is None else dict(found.feedback),
            runs=[DatasetRun(**run) for run in found.runs],
            manifest=found.dataset.manifest,
            card=dataset_card(bot.name, found),
        )
    )


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/datasets/<number>/rows",
        access=Access("data"),
        query=Page,
        answers={200: Listing[DatasetRow]},
        refusals=(409,),
    )
)
def rows(call: Call) -> Answer:
    """The rows of a dataset, one by one. 409 once they are erased."""
    store = call.service.store_of(call.caller)
    with store.read() as tx:
        _, found = _found(call, tx, call.path["number"])
    folder = frozen(store, found.dataset)
    by_digest = {source.digest: source.upload for source in reversed(found.sources)}
    return listed(
        call,
        lambda after, limit: slice_rows(folder, 0 if after is None else after + 1, limit),
        lambda row: row.place,
        lambda row: _row(row, by_digest),
    )


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/datasets/<number>/diff",
        access=Access("read"),
        query=DiffQuery,
        answers={200: DatasetDiff},
        refusals=(409,),
    )
)
def diff(call: Call) -> Answer:
    """What came between another dataset (`since`) and this one. 409 where the rows of one of them are erased."""
    asked: DiffQuery = call.query
    store = call.service.store_of(call.caller)
    with store.read() as tx:
        bot, found = _found(call, tx, call.path["number"])
        before = datasets.numbered(tx, bot.id, asked.since)
    told = difference(frozen(store, before), frozen(store, found.dataset)).to_wire()
    return Answer(DatasetDiff(bot=bot.name, since=before.number, number=found.dataset.number, **told))


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/uploads/<upload>/lineage",
        access=Access("read"),
        answers={200: Listing[DatasetSummary]},
    )
)
def of_file(call: Call) -> Answer:
    """The datasets that an upload went into, oldest first, and the releases that were trained on them."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        upload = uploads.get(tx, call.path["upload"])
        if upload.bot_id != bot.id:
            raise Refusal(404, "not_found", "There is no such upload.")
        found = [dataset_summary(bot, one) for one in of_upload(tx, upload)]
    return Answer(Listing[DatasetSummary](data=found, has_more=False))


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/turns/<turn>/lineage",
        access=Access("review"),
        answers={200: TurnLineage},
    )
)
def of_answer(call: Call) -> Answer:
    """Why the bot said this: its release, the dataset of that, the rows that say the same, and who handed them in."""
    store = call.service.store_of(call.caller)
    with store.read() as tx:
        bot = bots.get(tx, call.path["bot"])
        turn = turns.get(tx, bot.id, call.path["turn"])
    saying = of_turn(store, turn)
    release = saying.release
    return Answer(
        TurnLineage(
            turn=turn.id,
            source=turn.source,
            release=None if release is None else release.number,
            trained_on_erased_data=None if release is None else release.trained_on_erased_data,
            dataset=None if saying.lineage is None else dataset_summary(bot, saying.lineage),
            rows=[_saying(row, source) for row, source in saying.rows],
        )
    )


def _found(call: Call, tx: Tx, number: str) -> tuple[Bot, Lineage]:
    bot = bots.get(tx, call.path["bot"])
    return bot, of_dataset(tx, datasets.numbered(tx, bot.id, number_of(number)))


def _row(row: Row, uploads_by_digest: Mapping[str, str]) -> DatasetRow:
    record = dict(row.record)
    upload = str(record.pop("upload"))
    return DatasetRow(
        place=row.place,
        room=row.room,
        id=record.pop("id"),
        conversation=record.pop("conversation"),
        upload=None if upload.startswith(FROM_FEEDBACK) else uploads_by_digest.get(upload),
        row=record,
    )


def _saying(row: str, source: Source | None) -> SayingRow:
    if source is None:
        return SayingRow(row=row, upload=None, file=None, uploaded_by=None)
    return SayingRow(row=row, upload=source.upload, file=source.name, uploaded_by=source.uploaded_by)
