"""Platforms on which bots are built: how a bot is defined there, what it was taught, and the talks it had."""

from data.importers.bot_platforms import (
    activities,
    chatdown,
    contact_lens,
    conversation_learner,
    dialogflow,
    dialogflow_cx,
    lex,
    lex_logs,
    lu,
    luis,
    qna_maker,
    wit,
)
from data.importers.kind import Kind

KINDS: tuple[Kind, ...] = (
    *dialogflow.KINDS,
    *dialogflow_cx.KINDS,
    *luis.KINDS,
    *wit.KINDS,
    *activities.KINDS,
    *chatdown.KINDS,
    *lu.KINDS,
    *qna_maker.KINDS,
    *conversation_learner.KINDS,
    *lex.KINDS,
    *lex_logs.KINDS,
    *contact_lens.KINDS,
)
