"""Databases as an older version of this program left them."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table, select

import tallystick.store.migrations
from tallystick.store.engine import open_engine


def take_back(url: str, revision: str) -> None:
    """Give the database at ``url`` the tables of ``revision``, with all of its rows that these can hold."""
    engine, _ = open_engine(url, 5)
    with engine.begin() as connection:
        newer = _tables(connection)
        rows = {table.name: connection.execute(select(table)).mappings().all() for table in newer.sorted_tables}
        newer.drop_all(connection)
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", tallystick.store.migrations.__path__[0])
        command.upgrade(config, revision)
        for table in _tables(connection).sorted_tables:
            if table.name != "alembic_version":
                _fill(connection, table, [dict(row) for row in rows.get(table.name, ())])
    engine.dispose()


def _tables(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    return found


def _fill(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    connection.execute(table.delete())  # what the migrations put there
    if rows:
        names = [column.name for column in table.columns]
        connection.execute(table.insert(), [{name: row[name] for name in names} for row in rows])
