"""Many rows into one table: PostgreSQL takes them as one stream, which is several times as fast as row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, exc

COPY_ROWS = 100
"""From so many rows on, ``COPY`` is faster than one statement executed for each of them."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Add ``rows`` to ``table`` in their order, each with the same columns; what is taken raises as an insert would."""
    if not rows:
        return
    if connection.dialect.name == "postgresql" and len(rows) >= COPY_ROWS:
        _copy(connection, table, rows)
    else:
        connection.execute(table.insert(), rows)


def _copy(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    dialect = connection.dialect
    quoted = dialect.identifier_preparer
    columns = [table.c[name] for name in rows[0]]
    names = ", ".join(quoted.quote(column.name) for column in columns)
    statement = f"COPY {quoted.format_table(table)} ({names}) FROM STDIN (FORMAT BINARY)"
    driver = dialect.loaded_dbapi
    try:
        with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
            # The binary form is not converted by the server: each value must come in the column's own type.
            copy.set_types([column.type.compile(dialect).lower() for column in columns])
            for row in rows:
                copy.write_row([row[column.name] for column in columns])
    except driver.Error as error:
        # The driver was called past SQLAlchemy, which therefore did not make this one of its own errors.
        lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
        if lost:
            connection.invalidate()
        raise exc.DBAPIError.instance(
            statement, None, error, driver.Error, connection_invalidated=lost, dialect=dialect
        ) from error
