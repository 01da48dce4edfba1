"""Help desks: what they export of tickets and chats with customers."""

from data.importers.helpdesks import freshdesk, inboxes, intercom, live_chats, zendesk
from data.importers.kind import Kind

KINDS: tuple[Kind, ...] = (
    *intercom.KINDS,
    *zendesk.KINDS,
    *freshdesk.KINDS,
    *live_chats.KINDS,
    *inboxes.KINDS,
)
