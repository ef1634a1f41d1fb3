"""Runs the alembic migrations: one branch for the shared schema, one for the schema of each tenant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from koku_core.database.system import System
    from koku_core.database.tenant import Tenant

_HERE = Path(__file__).parent / "migrations"


def head(branch: str) -> str:
    """The newest revision of a branch: the largest number that a file of its folder begins with."""
    return max(p.name.split("_")[0] for p in (_HERE / branch).glob("[0-9]*.py"))


def migrate_all(system: System) -> list[str]:
    """Bring every schema to its head, under one lock, so that processes that start together do it once."""
    changed: list[str] = []
    with system.server.lock("migrate"), psycopg.connect(system.server.dsn) as conn:
        _ensure_schema(conn, "koku")
        if _revision(conn, "koku") != head("system"):
            _upgrade(system.server.dsn, "koku", "system")
            changed.append("koku")
        for (name,) in conn.execute("SELECT name FROM koku.tenant ORDER BY name").fetchall():
            if _revision(conn, name) != head("tenant"):
                _upgrade(system.server.dsn, name, "tenant")
                changed.append(name)
    return changed


def pending(system: System) -> list[str]:
    """The schemas that are behind this version."""
    with psycopg.connect(system.server.dsn) as conn:
        names = [r[0] for r in conn.execute("SELECT name FROM koku.tenant ORDER BY name").fetchall()]
        behind = [n for n in names if _revision(conn, n) != head("tenant")]
        return (["koku"] if _revision(conn, "koku") != head("system") else []) + behind


def create_tenant(tenant: Tenant) -> None:
    """Make a tenant's schema, bring it to head and list it."""
    dsn = tenant.server.dsn
    with tenant.server.lock("migrate"), psycopg.connect(dsn) as conn:
        _ensure_schema(conn, tenant.name)
        if _revision(conn, tenant.name) != head("tenant"):
            _upgrade(dsn, tenant.name, "tenant")
        conn.execute("INSERT INTO koku.tenant (name) VALUES (%s) ON CONFLICT DO NOTHING", (tenant.name,))


def _ensure_schema(conn: psycopg.Connection[psycopg.rows.TupleRow], name: str) -> None:
    conn.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name)))
    conn.commit()


def _revision(conn: psycopg.Connection[psycopg.rows.TupleRow], schema: str) -> str | None:
    table = f'"{schema}".alembic_version'
    if conn.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,):
        return None
    query = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(schema, "alembic_version"))
    row = conn.execute(query).fetchone()
    conn.commit()
    return row[0] if row else None


def _upgrade(dsn: str, schema: str, branch: str) -> None:
    """Run one schema's migrations in one transaction."""
    import sqlalchemy
    from alembic import command
    from alembic.config import Config
    from sqlalchemy.pool import NullPool

    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)
    with engine.begin() as connection:
        quoted = connection.dialect.identifier_preparer.quote(schema)
        connection.exec_driver_sql(f"SET search_path TO {quoted}")
        config = Config()
        config.set_main_option("script_location", str(_HERE))
        config.set_main_option("version_locations", str(_HERE / branch))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        config.attributes["schema"] = schema
        command.upgrade(config, "head")
    engine.dispose()
