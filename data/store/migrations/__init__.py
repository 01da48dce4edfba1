"""Alembic migrations. A released one is never edited: what it made stands in somebody's home folder."""
