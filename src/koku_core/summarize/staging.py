"""Arrow tables into temporary PostgreSQL tables: Arrow writes CSV, the server parses it into its own types."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from psycopg import sql

from koku_core.database.server import Connection
from koku_core.declare.columns import Column
from koku_core.sql import Table
from koku_core.summarize.tables import temporary

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_ROWS = 50_000


def stage(conn: Connection, name: str, columns: tuple[Column, ...], table: pa.Table) -> None:
    """Make a temporary table with `columns` and fill it with those columns of `table`; texts are ordered by their bytes, as elsewhere."""
    stage_each(conn, name, columns, [table])


def stage_each(conn: Connection, name: str, columns: tuple[Column, ...], tables: Iterable[pa.Table]) -> None:
    """The same of tables that are made one after the other, so that no more than one is in memory."""
    temporary(conn, name, columns, by_bytes=True)
    for table in tables:
        if table.num_rows:
            copy(conn, name, table.select([c.name for c in columns]))
    conn.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))


def copy(conn: Connection, name: str, table: pa.Table) -> None:
    """Append the rows of an Arrow table to a table of the same column names; null stays null, an empty text stays empty."""
    import pyarrow.csv as pc

    names = sql.SQL(", ").join(map(sql.Identifier, table.column_names))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(sql.Identifier(name), names)
    options = pc.WriteOptions(include_header=False)
    with conn.cursor() as cursor, cursor.copy(statement) as target:
        for batch in table.to_batches(max_chunksize=_BLOCK_ROWS):
            buffer = io.BytesIO()
            pc.write_csv(batch, buffer, options)
            target.write(buffer.getbuffer())


#: What COPY's text format writes in another way.
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(conn: Connection, into: Table, names: Sequence[str], blocks: Iterable[Sequence[Sequence[Any]]]) -> int:
    """Append rows to a table, block by block.

    Args:
        conn: the connection of the publishing transaction.
        into: the table.
        names: the rows' columns.
        blocks: the rows; a value is a text that PostgreSQL reads as the column's type, a number, a boolean, or None.

    Returns:
        How many rows there were.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    place = sql.Identifier(*filter(None, (into.schema, into.name)))
    count = 0
    with conn.cursor() as cursor, cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(place, columns)) as target:
        for block in blocks:
            target.write("".join(map(_line, block)))
            count += len(block)
    return count


def _line(row: Sequence[Any]) -> str:
    return (
        "\t".join("\\N" if v is None else v.translate(_ESCAPES) if isinstance(v, str) else str(v) for v in row) + "\n"
    )
