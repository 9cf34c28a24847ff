"""Runs one module's history over the connection that shop.kit.migrations hands in."""

from alembic import context

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes.get("metadata"),
    transactional_ddl=False,
    render_as_batch=False,
    include_schemas=False,
)
context.run_migrations()
