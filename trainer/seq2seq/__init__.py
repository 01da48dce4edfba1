"""Summaries and translations: models that read one text, or a conversation, and write another."""
