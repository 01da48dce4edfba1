"""Intents found in what nobody labelled: looked for by a job, decided on by reviewers, labels of the next dataset."""

from __future__ import annotations

from data import suggested
from data.store import Tx, bots, discoveries, jobs, suggested_turns, suggestions
from data.store.bots import Bot
from data.store.suggestions import Place, Suggestion
from data.suggested import Review
from service.api._listing import listed
from service.api._spec import Access, Answer, Api, Call, Route
from service.api.jobs import job_detail, room_in_queue
from service.discovering import outlook_wire, request_discovery, suggestion_wire, utterance_wire
from service.schemas.jobs import JobDetail
from service.schemas.shape import Listing, Page
from service.schemas.suggestions import (
    DiscoveryAsked,
    DiscoveryDetail,
    SuggestedUtterance,
    SuggestionCase,
    SuggestionDecision,
    SuggestionDetail,
    SuggestionDismissal,
    SuggestionMerge,
    SuggestionName,
    SuggestionOutlook,
    SuggestionPage,
    SuggestionParts,
    SuggestionQuery,
    SuggestionSplit,
)

api = Api("suggestions", "Intents found in what nobody labelled, and what reviewers make of them.")


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/discoveries",
        access=Access("operate"),
        body=DiscoveryAsked,
        optional_body=True,
        answers={202: JobDetail},
        effect=True,
    )
)
def discover(call: Call, tx: Tx) -> Answer:
    """Look for intents in all user turns without a label. The same turns and decisions again: the job of before."""
    asked: DiscoveryAsked = call.body
    bot = bots.get(tx, call.path["bot"])
    room_in_queue(tx, call.service.settings)
    job = jobs.get(tx, request_discovery(tx, bot, asked.seed, asked.base).id)
    return Answer(job_detail(tx, job), 202, {"Location": f"/v1/jobs/{job.id}"}, subject=job.id)


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/discoveries",
        access=Access("read"),
        query=Page,
        answers={200: Listing[DiscoveryDetail]},
    )
)
def looked_at(call: Call) -> Answer:
    """What was looked at, the newest first, in counts."""
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        return listed(
            call,
            lambda after, limit: discoveries.page(tx, bot.id, after=after, limit=limit),
            lambda one: one.id,
            lambda one: DiscoveryDetail(
                id=one.id, bot=bot.name, job=one.job_id, facts=one.facts, created_at=one.created_at
            ),
        )


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/suggestions",
        access=Access("review"),
        query=SuggestionPage,
        answers={200: Listing[SuggestionDetail]},
    )
)
def index(call: Call) -> Answer:
    """Suggested intents: those of the older discovery first, in each the largest first."""
    asked: SuggestionPage = call.query
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        return listed(
            call,
            lambda after, limit: suggestions.page(tx, bot.id, state=asked.state, after=after, limit=limit),
            lambda one: [one.sequence, one.id],
            lambda one: _detail(bot, one),
        )


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/suggestions/<suggestion>",
        access=Access("review"),
        query=SuggestionQuery,
        answers={200: SuggestionCase},
    )
)
def show(call: Call) -> Answer:
    """A suggestion with what was said, the most typical first, and what accepting it means."""
    asked: SuggestionQuery = call.query
    with call.service.store_of(call.caller).read() as tx:
        bot = bots.get(tx, call.path["bot"])
        one = suggestions.get(tx, bot.id, call.path["suggestion"])
        said = suggested_turns.utterances(tx, one.id, asked.limit)
        outlook = SuggestionOutlook(**outlook_wire(suggested.outlook(tx, one)))
    shown = [SuggestedUtterance(**utterance_wire(turn)) for turn in said]
    return Answer(SuggestionCase(**suggestion_wire(bot, one), outlook=outlook, utterances=shown))


@api.route(
    Route(
        method="GET",
        rule="/v1/bots/<bot>/suggestions/<suggestion>/turns",
        access=Access("review"),
        query=Page,
        answers={200: Listing[SuggestedUtterance]},
    )
)
def turns(call: Call) -> Answer:
    """All that was said behind a suggestion, the most typical first."""
    with call.service.store_of(call.caller).read() as tx:
        one = suggestions.get(tx, bots.get(tx, call.path["bot"]).id, call.path["suggestion"])
        return listed(
            call,
            lambda after, limit: suggested_turns.utterances(tx, one.id, limit, after),
            lambda turn: list(turn.mark),
            lambda turn: SuggestedUtterance(**utterance_wire(turn)),
        )


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/suggestions/<suggestion>/accept",
        access=Access("review"),
        body=SuggestionDecision,
        optional_body=True,
        answers={200: SuggestionDetail},
        effect=True,
    )
)
def accept(call: Call, tx: Tx) -> Answer:
    """Make its turns examples of an intent, which the profile gains. `outlook` says what will become of them."""
    asked: SuggestionDecision = call.body
    bot = bots.get(tx, call.path["bot"])
    one = suggested.accept(tx, bot.id, call.path["suggestion"], Review(call.caller.id, asked.revision), asked.name)
    outlook = SuggestionOutlook(**outlook_wire(suggested.outlook(tx, one)))
    return Answer(_detail(bot, one, outlook), subject=one.id)


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/suggestions/<suggestion>/dismiss",
        access=Access("review"),
        body=SuggestionDismissal,
        optional_body=True,
        answers={200: SuggestionDetail},
        effect=True,
    )
)
def dismiss(call: Call, tx: Tx) -> Answer:
    """It is no intent; where it was accepted, no later dataset has its labels."""
    asked: SuggestionDismissal = call.body
    bot = bots.get(tx, call.path["bot"])
    one = suggested.dismiss(tx, bot.id, call.path["suggestion"], Review(call.caller.id, asked.revision))
    return Answer(_detail(bot, one), subject=one.id)


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/suggestions/<suggestion>/rename",
        access=Access("review"),
        body=SuggestionName,
        answers={200: SuggestionDetail},
        effect=True,
    )
)
def rename(call: Call, tx: Tx) -> Answer:
    """Call it otherwise, before it is decided on."""
    asked: SuggestionName = call.body
    bot = bots.get(tx, call.path["bot"])
    one = suggested.rename(tx, bot.id, call.path["suggestion"], Review(call.caller.id, asked.revision), asked.name)
    return Answer(_detail(bot, one), subject=one.id)


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/suggestions/merge",
        access=Access("review"),
        body=SuggestionMerge,
        answers={200: SuggestionDetail},
        effect=True,
    )
)
def merge(call: Call, tx: Tx) -> Answer:
    """Make one of several. The first keeps its name and gets the turns of all; splitting it undoes that."""
    asked: SuggestionMerge = call.body
    bot = bots.get(tx, call.path["bot"])
    one = suggested.merge(tx, bot.id, asked.suggestions, Review(call.caller.id, asked.revision))
    return Answer(_detail(bot, one), subject=one.id, reason=f"Merged with {', '.join(asked.suggestions[1:])}.")


@api.route(
    Route(
        method="POST",
        rule="/v1/admin/bots/<bot>/suggestions/<suggestion>/split",
        access=Access("review"),
        body=SuggestionSplit,
        optional_body=True,
        answers={200: SuggestionParts},
        effect=True,
    )
)
def split(call: Call, tx: Tx) -> Answer:
    """Take the named turns out into a suggestion of their own; without any, undo a merge, else part it in two."""
    asked: SuggestionSplit = call.body
    bot = bots.get(tx, call.path["bot"])
    places = [Place(turn.conversation, turn.place) for turn in asked.turns]
    found = suggested.split(tx, bot.id, call.path["suggestion"], Review(call.caller.id, asked.revision), places)
    return Answer(SuggestionParts(data=[_detail(bot, one) for one in found]), subject=call.path["suggestion"])


def _detail(bot: Bot, one: Suggestion, outlook: SuggestionOutlook | None = None) -> SuggestionDetail:
    return SuggestionDetail(**suggestion_wire(bot, one), outlook=outlook)
