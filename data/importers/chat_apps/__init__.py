"""Chat applications: what people export from the programs in which they talk to each other."""

from data.importers.chat_apps import meta, slack, telegram, transcript, whatsapp
from data.importers.kind import Kind

KINDS: tuple[Kind, ...] = (*slack.KINDS, *whatsapp.KINDS, *telegram.KINDS, *meta.KINDS, *transcript.KINDS)
