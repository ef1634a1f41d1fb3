"""The operator's labels: text like `label_app:shop|label_tier:web` to JSON."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@lru_cache(maxsize=50_000)
def parse(text: str) -> tuple[str, frozenset[str]]:
    """One text of labels as JSON with sorted keys, and its keys.

    A key ends at the first colon and loses a leading `label_`; the value is the rest, colons and all. A piece without a colon is dropped;
    of two pieces with one key the last counts.
    """
    found: dict[str, str] = {}
    for piece in text.split("|"):
        key, colon, value = piece.partition(":")
        if colon:
            found[key.removeprefix("label_")] = value
    return json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":")), frozenset(found)


def to_json(column: pa.ChunkedArray, keys: set[str]) -> pa.ChunkedArray:
    """A column of label texts as JSON texts; the keys seen are added to `keys`."""
    import pyarrow as pa

    texts = column.combine_chunks().dictionary_encode()
    parsed = [parse(text or "") for text in texts.dictionary.to_pylist()]
    keys.update(*(names for _, names in parsed))
    return pa.chunked_array([pa.array([made for made, _ in parsed], pa.string()).take(texts.indices)])
