"""What `koku doctor` asks of a Trino: is it there, is it new enough, and does it see the lake that we write?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from koku_core.errors import KokuError
from koku_core.executors.trino.client import Trino
from koku_core.sql import Rendered, quote

if TYPE_CHECKING:
    from koku_core.lake import Lake

#: The version that is tested; older ones lack macros' functions or read the lake's catalogue in another way.
OLDEST_VERSION = 476
_CATALOG = (
    "Give it a catalog of the connector iceberg with iceberg.catalog.type=jdbc on the database of KOKU_DATABASE_URL, schema koku, and "
    "iceberg.jdbc-catalog.catalog-name={name}; docs/howto/trino.md shows the file."
)


def troubles(trino: Trino, lake: Lake, tenant: str) -> Iterator[tuple[str, str]]:
    """What keeps a Trino from reading a tenant's lake, and how to mend it; the first thing that is wrong hides the ones after it."""
    try:
        version = _version(trino)
    except KokuError as error:
        yield error.message, "Start it, or correct KOKU_TRINO_URL."
        return
    if version < OLDEST_VERSION:
        yield f"{trino.url.server} is Trino {version}, and {OLDEST_VERSION} or later is needed", "Upgrade it."
        return
    yield from _catalog(trino, lake, tenant)


def _version(trino: Trino) -> int:
    ((version,),) = trino.rows(Rendered(("SELECT max(node_version) FROM system.runtime.nodes WHERE coordinator",), ()))
    digits = str(version).partition("-")[0].partition(".")[0]
    return int(digits) if digits.isdigit() else OLDEST_VERSION  # a build of one's own knows best


def _catalog(trino: Trino, lake: Lake, tenant: str) -> Iterator[tuple[str, str]]:
    from koku_core.lake.catalog import NAME

    do = _CATALOG.format(name=NAME)
    catalog = quote(trino.url.catalog)
    try:
        listed = trino.rows(
            Rendered(
                (f"SELECT table_name FROM {catalog}.information_schema.tables WHERE table_schema = ", ""), (tenant,)
            )
        )
    except KokuError as error:
        yield error.message, do
        return
    seen = {name for (name,) in listed}
    for name in lake.tables(tenant):
        if name not in seen:
            yield (
                f"catalog {trino.url.catalog} of {trino.url.server} has no table {tenant}.{name}: it is not our lake's",
                do,
            )
            return
        yield from _table(trino, lake, tenant, name)


def _table(trino: Trino, lake: Lake, tenant: str, name: str) -> Iterator[tuple[str, str]]:
    """Whether it reads the same state of a table as we do, and its files."""
    try:
        snapshots = trino.rows(
            Rendered((f"SELECT snapshot_id FROM {trino.url.table(tenant, f'{name}$snapshots')}",), ())
        )
        trino.rows(Rendered((f"SELECT * FROM {trino.url.table(tenant, name)} LIMIT 1",), ()))
    except KokuError as error:
        yield (
            error.message,
            "Give its catalog the same object store and keys as KOKU_LAKE_URL and the AWS_ variables name.",
        )
        return
    current = lake.snapshot(tenant, name)
    if current is not None and current not in {snapshot for (snapshot,) in snapshots}:
        what = f"catalog {trino.url.catalog} of {trino.url.server} shows another table {tenant}.{name} than ours"
        yield what, "Its catalog must be on the database of KOKU_DATABASE_URL."
