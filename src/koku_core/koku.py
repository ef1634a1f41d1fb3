"""`Koku`: the whole library as one object, for one tenant."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from koku_core.access import EVERYTHING
from koku_core.clock import month_of
from koku_core.database import Tenant
from koku_core.errors import KokuError, UnknownName
from koku_core.jobs.months import enqueue_months, summarize_all
from koku_core.jobs.queue import Job, Jobs
from koku_core.plugins import Plugins
from koku_core.progress import Progress, shown
from koku_core.services import Services, construct
from koku_core.settings import Settings
from koku_core.sources.model import Source
from koku_core.sources.registry import SourceRegistry
from koku_core.tags import TagKeys

if TYPE_CHECKING:
    import pyarrow as pa

    from koku_core.account_settings import AccountSettings
    from koku_core.cost_groups import CostGroups
    from koku_core.costing.models import CostModels
    from koku_core.costing.price_lists import PriceLists
    from koku_core.declare.deliveries import Sample
    from koku_core.doctor import Finding
    from koku_core.enabled_currencies import EnabledCurrencies
    from koku_core.exchange_rates import StaticRates
    from koku_core.intake.ingested import Ingested
    from koku_core.intake.named import NamedReports
    from koku_core.intake.uploads import Accepted
    from koku_core.label_keys import LabelKeys
    from koku_core.lines.answer import Lines
    from koku_core.reports.answer import Answer
    from koku_core.tag_mappings import TagMappings


class Koku:
    """Cost management of one tenant. Make it with `Koku.open`; `tenant` gives the same object for another tenant."""

    def __init__(self, services: Services, tenant: Tenant, resources: contextlib.ExitStack | None = None) -> None:
        self.services = services
        self.handle = tenant
        self._resources = resources or contextlib.ExitStack()

    @classmethod
    def open(
        cls, dsn: str | None = None, *, lake: str | None = None, executor: str | None = None, tenant: str = "default",
        settings: Settings | None = None, plugins: Plugins | None = None,
    ) -> Koku:  # fmt: skip
        """Open the library: on the server of `dsn`, or on an embedded PostgreSQL in the user's data folder.

        Args:
            dsn: of a PostgreSQL >= 15; default `KOKU_DATABASE_URL`, else the embedded server.
            lake: a folder or `s3://bucket/prefix`; default `KOKU_LAKE_URL`, else a folder in the data folder.
            executor: the engine of the summarize steps; default `KOKU_EXECUTOR`.
            tenant: whose data; it is made when something is first written.
            settings: instead of the environment.
            plugins: instead of those installed.

        Raises:
            DatabaseUnavailable: nobody answers.
            SettingError: a setting cannot be used.
        """
        given = {"database_url": dsn, "lake_url": lake, "executor": executor}
        chosen = (settings or Settings.of_environment()).model_copy(
            update=_secret({k: v for k, v in given.items() if v is not None})
        )
        with contextlib.ExitStack() as stack:
            services = construct(chosen, plugins, stack)
            return cls(services, services.system.tenant(tenant), stack.pop_all())
        raise AssertionError  # pragma: no cover - the block above returns or raises

    def close(self) -> None:
        """Let go of connections, and of the embedded server if nobody else uses it."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Koku(tenant={self.handle.name!r})"

    def tenant(self, name: str) -> Koku:
        """The same library for another tenant; close this one when both are done."""
        return Koku(self.services, self.services.system.tenant(name))

    @cached_property
    def sources(self) -> SourceRegistry:
        """The tenant's sources."""
        return SourceRegistry(self.services, self.handle)

    @cached_property
    def tags(self) -> TagKeys:
        """The tenant's tag keys."""
        return TagKeys(self.services, self.handle)

    @cached_property
    def tag_mappings(self) -> TagMappings:
        """Which tag keys count as others."""
        from koku_core.tag_mappings import TagMappings

        return TagMappings(self.services, self.handle)

    @cached_property
    def cost_groups(self) -> CostGroups:
        """The tenant's cost groups."""
        from koku_core.cost_groups import CostGroups

        return CostGroups(self.services, self.handle)

    @cached_property
    def currencies(self) -> EnabledCurrencies:
        """The currencies that the tenant uses."""
        from koku_core.enabled_currencies import EnabledCurrencies

        return EnabledCurrencies(self.services, self.handle)

    @cached_property
    def exchange_rates(self) -> StaticRates:
        """The exchange rates that the tenant has set."""
        from koku_core.exchange_rates import StaticRates

        return StaticRates(self.services, self.handle)

    @cached_property
    def account(self) -> AccountSettings:
        """The tenant's settings: currency, kind of cost, how long data are kept."""
        from koku_core.account_settings import AccountSettings

        return AccountSettings(self.services, self.handle)

    @cached_property
    def jobs(self) -> Jobs:
        """The tenant's jobs."""
        return Jobs(self.services.system, self.handle.name)

    @cached_property
    def cost_models(self) -> CostModels:
        """The tenant's cost models."""
        from koku_core.costing.models import CostModels

        return CostModels(self.services, self.handle)

    @cached_property
    def price_lists(self) -> PriceLists:
        """The tenant's price lists."""
        from koku_core.costing.price_lists import PriceLists

        return PriceLists(self.services, self.handle)

    @cached_property
    def named_reports(self) -> NamedReports:
        """Files at the tenant's sources that somebody has named to be ingested."""
        from koku_core.intake.named import NamedReports

        return NamedReports(self.services, self.handle)

    def receive(self, payload: Path | str | BinaryIO, media_type: str, filename: str = "payload") -> Accepted:
        """Accept an upload: it is on durable storage, and its job is listed, when this returns."""
        from koku_core.intake.uploads import accept

        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(Path(payload).open("rb")) if isinstance(payload, (str, Path)) else payload
            return accept(self.services, self.handle.ensure(), stream, media_type, filename)

    def ingest(self, source: Source | str, payload: Path | str, progress: Progress | None = None) -> Ingested:
        """Ingest a payload of a source now, whatever its month.

        Args:
            source: whose payload it is.
            payload: the file.
            progress: told how far the work is; default: a bar in a notebook or on a terminal, if it takes longer than two seconds.

        Returns:
            What came in, per file and day.

        Raises:
            PayloadRefused: the payload must not be read, or is of another source.
            UnreadableCell: a cell is not what its column must hold.
        """
        from koku_core.intake.ingest import ingest_payload

        with contextlib.nullcontext(progress) if progress else shown(Path(payload).name) as step:
            return ingest_payload(self.services, self.handle, self.sources.get(source), Path(payload), step)

    def refresh(self, source: Source | str, progress: Progress | None = None) -> list[Ingested]:
        """Bring a source up to date: fetch what is new, if it is of a kind that is asked, and ingest what waits.

        Safe to kill, safe to repeat. Progress is told as by `ingest`.
        """
        from koku_core.intake.refresh import refresh

        found = self.sources.get(source)
        with contextlib.nullcontext(progress) if progress else shown(found.name) as step:
            return refresh(self.services, self.handle, found, step)

    def recalculate(self, source: Source | str | None = None, months: Collection[date] | None = None) -> list[int]:
        """Have published months of a source (or of all) made anew from the lake, as one job each.

        Returns:
            The ids of the jobs.
        """
        uuids = [s.uuid for s in ([self.sources.get(source)] if source is not None else self.sources)]
        with self.handle.ensure().transaction() as conn:
            if months is None:
                return summarize_all(conn, self.handle.name, uuids)
            wanted = [(uuid, month_of(month)) for uuid in uuids for month in months]
            return enqueue_months(conn, self.handle.name, "summarize", wanted)

    def sample(self, provider: str, folder: Path | str) -> Sample:
        """Write a small sample of what a provider reads, dated to today, for those who have no data at hand.

        Args:
            provider: such as `ocp`.
            folder: for the payloads; it is made.

        Returns:
            The payloads, and what to make of them: a source, a cost model, a report.

        Raises:
            UnknownName: there is no such provider, or it has no sample.
        """
        plugins = self.services.plugins
        if not (plugin := plugins.provider(provider)).has("koku_sample"):
            known = [p.provider.name for p in plugins if p.has("koku_sample")]
            raise UnknownName("sample of", provider, known)
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        made: Sample = plugin.call("koku_sample", folder=place, today=self.services.clock.today())
        return made

    def labels(self, name: str) -> LabelKeys:
        """The keys of labels beside the tags, such as `aws_category`, and which of them reports know.

        Raises:
            UnknownName: no loaded plugin has such labels.
        """
        from koku_core.label_keys import LabelKeys

        found = {x.name: p for p in self.services.plugins for x in p.report_map.labels}
        if name not in found:
            raise UnknownName("labels", name, found)
        return LabelKeys(self.handle, found[name].provider.family, name)

    def organization(self, provider: str) -> Answer:
        """The tree that what is billed lies in, as this month saw it last: a row for each node, with the nodes and leaves in it.

        Args:
            provider: its part of the API's paths, such as `aws`.

        Raises:
            UnknownName: the provider has no tree.
        """
        from koku_core.reports.service import Reports

        month = "filter[time_scope_units]=month&filter[time_scope_value]=-1"
        return Reports(self.services, self.handle).organization(provider, month, EVERYTHING)

    def report(self, path: str, **options: Any) -> Answer:
        """Ask a report, such as `openshift/costs`; see `koku_core.reports.service.Reports.answer_for` for the options."""
        from koku_core.reports.service import Reports

        self._settle()
        return Reports(self.services, self.handle).answer_for(path, access=EVERYTHING, **options)

    def forecast(self, path: str, *, currency: str | None = None, cost_type: str | None = None) -> Answer:
        """Foretell a report's costs, such as those of `openshift/costs`, from today to the end of the month.

        Needs the extra `forecast`. The last 31 days are what it is made from; with fewer than 8 of them it is empty.

        Args:
            path: the provider's part of the path and the report's name.
            currency: of the answer; default: the tenant's.
            cost_type: what costs are made of, where a provider offers several.

        Returns:
            A row for each day: each figure, and the ends of the interval in which it is with a probability of 95 %.

        Raises:
            UnknownName: nothing of that name is foretold; the message says what is.
            InvalidInput: the currency or the type of cost is not known.
            ModuleNotFoundError: the extra is not installed.
        """
        from koku_core.reports.query import build
        from koku_core.reports.service import Reports

        self._settle()
        given = {"limit": "1000", "currency": currency, "cost_type": cost_type}
        query = build({name: value for name, value in given.items() if value is not None})
        return Reports(self.services, self.handle).forecast(path, query, EVERYTHING)

    def line_items(self, path: str, row: Mapping[str, Any] | None = None, **options: Any) -> Lines:
        """The line items behind the figures of a report, read from the lake in little memory; those of one of its rows, if one is given.

        Args:
            path: of the report, such as `openshift/costs`.
            row: a row of its answer, or of it the date and the values of groups: `{"date": "2026-11-22", "project": "shop"}`.
            options: of the question, as for `report`.

        Raises:
            InvalidInput: an option or the row cannot be of this report.
            UnknownName: there is no such report, or its provider does not tell its line items.
        """
        from koku_core.lines.service import LineItemReports

        self._settle()
        return LineItemReports(self.services, self.handle).lines_for(path, EVERYTHING, row, **options)

    def _settle(self) -> None:
        """Do what a change has left to do, so that an answer in a notebook or script needs no worker to be right."""
        if self.jobs.count(("waiting",)):
            self.work()

    def daily_summary(self, source: Source | str, month: date) -> pa.Table:
        """The daily summary of a source and month as Arrow: the columns that its provider declares, without the core's `layer`."""
        from koku_core.summarize.reading import daily_summary

        self._settle()
        found = self.sources.get(source)
        return daily_summary(
            self.handle,
            self.services.plugins.provider(found.provider).summary.fact,
            found.uuid,
            month_of(month),
        )

    def work(self) -> int:
        """Work off this tenant's waiting jobs here and now; for pipelines and notebooks without a worker.

        Returns:
            How many were worked on.
        """
        from koku_core.jobs.handlers import HANDLERS
        from koku_core.jobs.runner import Runner

        return Runner(self.services, HANDLERS).drain(self.handle.name)

    def wait(self, timeout_s: float = 600) -> list[Job]:
        """Wait until a worker has done all jobs of this tenant.

        Returns:
            Those that failed, newest first.

        Raises:
            KokuError: some are still open after `timeout_s`.
        """
        end = time.monotonic() + timeout_s
        while self.jobs.count(("waiting", "running")):
            if time.monotonic() > end:
                raise KokuError(
                    f"Jobs of {self.handle.name} are still open after {timeout_s:.0f} s; is a `koku worker` running?"
                )
            time.sleep(0.05)
        return self.jobs.list(("failed",))

    def doctor(self) -> list[Finding]:
        """What is wrong with the data of this tenant, and how to mend it."""
        from koku_core.doctor import doctor

        return doctor(self.services, self.handle)

    def retained_from(self) -> date:
        """The first month that is kept: by the tenant's own setting, else `KOKU_RETAIN_MONTHS` full months before the current one."""
        from koku_core.retention import retained_from

        return retained_from(self.services, self.handle)

    def purge(self) -> date:
        """Remove what is older than the tenant keeps; workers do so daily by themselves.

        Returns:
            The first month that is kept.

        Raises:
            Busy: an old month is being read or written.
        """
        from koku_core.retention import purge

        return purge(self.services, self.handle)

    def delete_tenant(self) -> None:
        """Delete the tenant with everything that is its own: rows, line items, kept files, jobs."""
        from koku_core.tenants import delete_tenant

        delete_tenant(self.services, self.handle)


def _secret(values: dict[str, Any]) -> dict[str, Any]:
    from pydantic import SecretStr

    return {k: SecretStr(v) if k == "database_url" else v for k, v in values.items()}
