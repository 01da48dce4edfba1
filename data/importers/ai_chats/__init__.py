"""Chats with language models: what people export from their programs, and the files with which models are trained."""

from data.importers.ai_chats import chatgpt, open_webui, training
from data.importers.kind import Kind

KINDS: tuple[Kind, ...] = (*chatgpt.KINDS, *open_webui.KINDS, *training.KINDS)
