"""What the table says that an engine lacks, it lacks; what it does not say, works: tried on the real servers."""

from __future__ import annotations

import psycopg
import pytest
from pydantic import SecretStr

from koku_core.devtools.trino_server import TrinoServer
from koku_core.errors import EngineRefused
from koku_core.executors.capabilities import CAPABILITIES, Mark
from koku_core.executors.trino.client import Trino
from koku_core.executors.trino.url import TrinoUrl
from koku_core.sql import Rendered


def lacking(engine: str) -> dict[str, Mark]:
    return {name: c.lacking[engine] for name, c in CAPABILITIES.items() if engine in c.lacking}


def test_postgresql_lacks_what_the_table_says(server_dsn: str) -> None:
    failed = set()
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        for name, capability in CAPABILITIES.items():
            try:
                row = conn.execute(capability.probe.encode()).fetchone()
            except psycopg.Error:
                failed.add(name)
            else:
                failed |= {name} if row is None or str(row[0]).lower() != capability.gives else set()
    assert failed == set(lacking("postgres")), failed ^ set(lacking("postgres"))


@pytest.mark.slow
def test_trino_lacks_what_the_table_says(trino: TrinoServer) -> None:
    failed, server = set(), Trino(TrinoUrl.of(SecretStr(trino.url)))
    for name, capability in CAPABILITIES.items():
        try:
            ((found,),) = server.rows(Rendered((capability.probe,), ()))
        except EngineRefused:
            failed.add(name)
        else:
            failed |= {name} if str(found).lower() != capability.gives else set()
    assert failed == set(lacking("trino")), failed ^ set(lacking("trino"))
