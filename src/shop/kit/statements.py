"""A span for every statement that a database executes while a request or a call is traced."""

from typing import Any

from sqlalchemy import Engine, event

from shop.kit import tracing

LONGEST = 2_000


def trace(engine: Engine, schema: str) -> None:
    """Record the statements of an engine, without their parameters."""
    event.listen(engine, "before_cursor_execute", lambda *call: _before(schema, *call))
    event.listen(engine, "after_cursor_execute", _after)
    event.listen(engine, "handle_error", _failed)


def _before(schema: str, connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    verb = statement.lstrip().partition(" ")[0].upper()
    begun = tracing.begin(f"{verb} {schema}", db_system_name=connection.dialect.name, db_namespace=schema, db_query_text=statement[:LONGEST])
    if begun is not None:
        context.shop_span = begun


def _after(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
    if (begun := getattr(context, "shop_span", None)) is not None:
        begun.end()


def _failed(failure: Any) -> None:
    begun = getattr(failure.execution_context, "shop_span", None)
    if begun is not None:
        tracing.fail(begun)
        begun.end()
