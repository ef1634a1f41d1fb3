"""A provider under test: the library with its plugin alone, and its sample loaded into a tenant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from koku_core.declare.deliveries import Sample
from koku_core.declare.providers import SourceType
from koku_core.koku import Koku
from koku_core.plugins import Plugins, ProviderPlugin
from koku_core.sources.model import Source
from koku_core.testing.fixtures import NOW, database, settings_for

if TYPE_CHECKING:
    import pyarrow as pa

    from koku_core.declare.facts import Fact

#: A bomb need not be large to be one.
_UNPACKED_MIB = 64


@dataclass(frozen=True)
class Case:
    """One tenant's source of the provider.

    Attributes:
        koku: of the tenant, with the provider's plugin alone.
        plugin: the provider's.
        sample: what may be ingested.
        source: registered as the sample says.
        folder: for files of the test.
    """

    koku: Koku
    plugin: ProviderPlugin
    sample: Sample
    source: Source
    folder: Path

    @property
    def fact(self) -> Fact:
        """The provider's daily summary."""
        return self.plugin.summary.fact

    @property
    def source_type(self) -> SourceType:
        """Of the sample."""
        return self.koku.services.plugins.source_type(self.sample.source_type)[1]

    @property
    def secrets(self) -> list[str]:
        """The secret values of the sample's credentials."""
        fields = self.source_type.credentials.model_fields
        hidden = [n for n, f in fields.items() if f.annotation in (SecretStr, SecretStr | None)]
        return [str(self.sample.credentials[n]) for n in hidden if self.sample.credentials.get(n)]

    def another(self, tenant: str) -> Case:
        """The same provider in another tenant, with a source and enabled tags, and nothing ingested yet."""
        return begin(self.koku.tenant(tenant), self.plugin, self.sample, self.folder)

    def load(self) -> None:
        """Ingest the sample."""
        for payload in self.sample.payloads:
            self.koku.ingest(self.source, payload)
        self.koku.work()

    def months(self) -> list[Any]:
        """The months that are published, oldest first."""
        with self.koku.handle.connection() as conn:
            return [m for (m,) in conn.execute("SELECT DISTINCT month FROM published_month ORDER BY 1").fetchall()]

    def published(self) -> pa.Table:
        """The whole daily summary, in an order that depends on nothing but its rows."""
        import pyarrow as pa

        table = pa.concat_tables([self.koku.daily_summary(self.source, m) for m in self.months()])
        order = [
            (n, "ascending")
            for n, f in zip(table.column_names, table.schema, strict=True)
            if not pa.types.is_list(f.type)
        ]
        return table.sort_by(order)


def begin(koku: Koku, plugin: ProviderPlugin, sample: Sample, folder: Path) -> Case:
    """Register the sample's source, its tags and prices."""
    place = sample.data_source or None
    source = koku.sources.add(sample.source_type, name=sample.name, data_source=place, **sample.credentials)
    koku.tags.enable(plugin.provider.family, sample.tag_keys)
    if sample.cost_model is not None:
        koku.cost_models.create({**sample.cost_model, "source_uuids": [source.uuid]})
    return Case(koku, plugin, sample, source, folder)


@contextmanager
def opened(
    module: object, server_dsn: str, folder: Path, changes: Mapping[str, Any], *, load: bool = True
) -> Iterator[Case]:
    """A tenant with the sample, in a database that is there for a while.

    Args:
        module: the plugin.
        server_dsn: a server on which databases may be made.
        folder: for the lake and the sample.
        changes: of settings.
        load: False: nothing is ingested yet.
    """
    plugins = Plugins((), extra={"plugin": module})
    plugin = next(iter(plugins))
    with database(server_dsn) as dsn:
        settings = settings_for(dsn, folder).model_copy(update={"unpacked_limit_mib": _UNPACKED_MIB, **changes})
        with Koku.open(settings=settings, plugins=plugins, tenant="first") as koku:
            sample = plugin.call("koku_sample", folder=folder, today=NOW.date())
            case = begin(koku, plugin, sample, folder)
            if load:
                case.load()
            yield case
