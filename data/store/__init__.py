"""Everything that is kept as rows: one module per noun, all SQL of the house.

`open_store` opens (creates, migrates) the database; `Store.begin()` and `Store.read()` hand out transactions; the
functions of the noun modules take one as their first argument and return frozen dataclasses.

    with store.begin() as tx:
        bot = bots.create(tx, "acme", profile)
        upload, created = uploads.create(tx, bot.id, uploads.NewUpload("logs.csv", digest, size))
        jobs.enqueue(tx, "import", {"upload": upload.id}, bot_id=bot.id)

What is written inside one `begin()` is kept as a whole or not at all; once the block is left it survives kill -9 and
power loss.
"""

from data.store.engine import Store, Tx, open_store

__all__ = ["Store", "Tx", "open_store"]
