"""Tags and cost categories → JSON texts, with each distinct set of them written once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def written(found: Mapping[str, str]) -> str:
    """A map as JSON with sorted keys, without empty values."""
    kept = {key: value for key, value in found.items() if value}
    return json.dumps(kept, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def of_columns(columns: Mapping[str, pa.Array], size: int) -> pa.Array:
    """The JSON of each row of columns that hold the value of one key each."""
    import pyarrow as pa
    import pyarrow.compute as pc

    used = {key: c for key, c in columns.items() if pc.any(pc.not_equal(c, "")).as_py()}
    if not used:
        return pa.repeat(pa.scalar("{}"), size)
    names = [str(n) for n in range(len(used))]
    table = pa.table([*used.values(), pa.array(range(size))], names=[*names, "row"])
    sets = table.group_by(names, use_threads=False).aggregate([("row", "list")])
    texts = [
        written(dict(zip(used, row, strict=True))) for row in zip(*(sets[n].to_pylist() for n in names), strict=True)
    ]
    rows = sets["row_list"].combine_chunks()
    position = pc.list_parent_indices(rows).take(pc.sort_indices(rows.flatten()))
    return pa.array(texts, pa.string()).take(position)


def of_map(column: pa.Array, keep: Callable[[str], str | None]) -> pa.Array:
    """The JSON of each row of a column that is a map: JSON in CSV, a map in Parquet.

    Args:
        column: the map.
        keep: what a key is called, or None if it is not kept.

    Raises:
        ValueError: a text is no JSON object.
    """
    import pyarrow as pa

    if pa.types.is_string(column.type):
        encoded = column.dictionary_encode()
        texts = [written(_kept(parsed(text).items(), keep)) for text in encoded.dictionary.to_pylist()]
        return pa.array(texts, pa.string()).take(encoded.indices)
    return pa.array([written(_kept(_pairs(row), keep)) for row in column.to_pylist()], pa.string())


def values(column: pa.Array, key: str) -> pa.Array:
    """What each row of a column that is a map has under a key; empty if nothing."""
    import pyarrow as pa

    if pa.types.is_string(column.type):
        encoded = column.dictionary_encode()
        found = [parsed(text).get(key, "") for text in encoded.dictionary.to_pylist()]
        return pa.array(found, pa.string()).take(encoded.indices)
    return pa.array([dict(_pairs(row)).get(key) or "" for row in column.to_pylist()], pa.string())


def keys(column: pa.ChunkedArray) -> set[str]:
    """All keys of a column of JSON objects."""
    return {key for text in column.unique().to_pylist() for key in parsed(text)}


@lru_cache(maxsize=10_000)
def parsed(text: str) -> dict[str, str]:
    """A JSON object of texts; an empty text is none.

    Raises:
        ValueError: it is something else.
    """
    found: Any = json.loads(text) if text else {}
    if not isinstance(found, dict):
        raise ValueError(text)
    return {
        str(key): value if isinstance(value, str) else json.dumps(value)
        for key, value in found.items()
        if value is not None
    }


def _pairs(row: Any) -> Iterable[tuple[str, str]]:
    """The pairs of a map of Parquet, which may be a list of pairs or a structure."""
    pairs = row.items() if isinstance(row, dict) else row or ()
    return [(str(key), str(value)) for key, value in pairs if value is not None]


def _kept(pairs: Iterable[tuple[str, str]], keep: Callable[[str], str | None]) -> dict[str, str]:
    return {name: value for key, value in pairs if (name := keep(key)) is not None}
