"""What the parts of the library are made from, in one place: constructed once by `Koku.open`, handed to whoever needs it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from koku_core.clock import Clock
from koku_core.database import Server, System
from koku_core.errors import PluginError, UnknownName
from koku_core.settings import Settings

if TYPE_CHECKING:
    from koku_core.database.crypto import Vault
    from koku_core.executors.base import Executor
    from koku_core.intake.kept import KeptFiles
    from koku_core.lake import Lake
    from koku_core.plugins import Plugins


@dataclass(frozen=True, slots=True)
class Services:
    """The constructed parts of one `Koku`, shared by all its tenants."""

    settings: Settings
    clock: Clock
    system: System
    plugins: Plugins
    lake: Lake
    kept: KeptFiles
    executor: Executor
    vault: Vault


def construct(settings: Settings, plugins: Plugins | None, stack: ExitStack) -> Services:
    """Construct the parts.

    Args:
        settings: of the library.
        plugins: those in use; None: as the settings say.
        stack: closes what must be closed.

    Raises:
        DatabaseUnavailable: nobody answers.
        SettingError: a setting cannot be used.
    """
    from koku_core.database.crypto import Vault
    from koku_core.intake.kept import KeptFiles
    from koku_core.lake import Lake
    from koku_core.plugins import Plugins

    server = Server(_dsn(settings, stack), pool_size=settings.pool_size)
    stack.callback(server.close)
    server.open()
    system = System(server)
    system.migrate()
    place = settings.lake_url or str(settings.data_dir / "lake")
    lake = Lake(system, place)
    stack.callback(lake.close)
    loaded = plugins or Plugins(settings.plugins)
    executor = _executor(settings, loaded)(settings, lake)
    stack.callback(executor.close)
    vault = Vault(settings.secret_key, settings.data_dir)
    return Services(settings, Clock(settings.clock), system, loaded, lake, KeptFiles(place), executor, vault)


def _dsn(settings: Settings, stack: ExitStack) -> str:
    if settings.database_url:
        return settings.database_url.get_secret_value()
    from koku_core.embedded import EmbeddedServer

    return stack.enter_context(EmbeddedServer(settings.data_dir / "postgres", programs=settings.postgres_bin)).dsn


def _executor(settings: Settings, plugins: Plugins) -> type[Executor]:
    from koku_core.executors.postgres import PostgresExecutor
    from koku_core.executors.trino import TrinoExecutor

    kinds: dict[str, type[Executor]] = {"postgres": PostgresExecutor, "trino": TrinoExecutor, **plugins.executors()}
    try:
        kind = kinds[settings.executor]
    except KeyError:
        raise UnknownName("executor", settings.executor, kinds) from None
    if not _has_macros(kind):
        raise PluginError(
            f"The executor {settings.executor} brings no macros: its class {kind.__module__}.{kind.__qualname__} must name by `package` "
            "and `engine` a Python package with a file sql/macros/ENGINE.sql.", executor=settings.executor,
        )  # fmt: skip
    return kind


def _has_macros(kind: type[Executor]) -> bool:
    try:
        return files(kind.package).joinpath("sql", "macros", f"{kind.engine}.sql").is_file()
    except (AttributeError, ModuleNotFoundError):
        return False
