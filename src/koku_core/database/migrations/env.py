"""Alembic's environment: runs on the connection that `koku_core.database.migrate` hands over, in that schema alone."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table_schema=context.config.attributes["schema"])
with context.begin_transaction():
    context.run_migrations()
