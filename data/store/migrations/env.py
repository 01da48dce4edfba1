"""Run by Alembic inside the transaction that `data.store.migrate` opened; it decides nothing and commits nothing."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    render_as_batch=True,
)
context.run_migrations()
