"""What an engine must do: run the summarize templates of one (source, month) and put their rows into a table of ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from koku_core.database.server import Connection
from koku_core.declare.columns import Column, Kind
from koku_core.declare.summarize import Context, Step, Summary
from koku_core.executors.capabilities import Mark
from koku_core.sql import Rendered, Table, templates

if TYPE_CHECKING:
    import pyarrow as pa

    from koku_core.lake import Lake
    from koku_core.settings import Settings


#: The columns of the context datasets.
CONTEXT_COLUMNS = {
    Context.ENABLED_TAG_KEYS: (Column("key", Kind.TEXT),),
    Context.COST_GROUPS: (Column("cost_group_id", Kind.INTEGER), Column("pattern", Kind.TEXT)),
}


@dataclass(frozen=True, slots=True)
class Work:
    """One (source, month) to summarize.

    Attributes:
        tenant, source_uuid, month: what.
        values: the values that every template of the run gets.
        contexts: the small datasets that the core supplies, as Arrow tables.
    """

    tenant: str
    source_uuid: str
    month: date
    values: Mapping[str, Any]
    contexts: Mapping[Context, pa.Table]


class Executor(ABC):
    """An engine. It is made once per process, by `KOKU_EXECUTOR`'s name, and used from several threads.

    Attributes:
        package: the Python package that has the engine's macros, in the file `sql/macros/ENGINE.sql`.
        engine: what that file is called.
        lacking: which of `koku_core.executors.capabilities.CAPABILITIES` the engine lacks, and why.
    """

    package: ClassVar[str]
    engine: ClassVar[str]
    lacking: ClassVar[Mapping[str, Mark]] = {}

    def __init__(self, settings: Settings, lake: Lake) -> None:
        self.settings = settings
        self.lake = lake

    @abstractmethod
    def summarize(self, conn: Connection, summary: Summary, step: Step, work: Work, into: Table) -> int:
        """Run one step and append its rows to `into`, a table with the fact's columns that only `conn` sees.

        Args:
            conn: the connection of the publishing transaction; an engine of its own only writes the rows there.
            summary: whose step it is.
            step: the template and the datasets that it reads.
            work: what for.
            into: where the rows go; columns that the template does not name stay null.

        Returns:
            How many rows were made.

        Raises:
            Cancelled, Interrupted: the job is not wanted any more, or not now. Statements on `conn` are stopped by the core; an engine of
                its own waits in a block of `koku_core.cancellation.interruptible`.
        """

    def render(self, summary: Summary, step: Step, work: Work, datasets: Mapping[str, Table | Rendered]) -> Rendered:
        """The statement of a step, with the engine's macros.

        Args:
            summary: whose step it is.
            step: the template.
            work: what for.
            datasets: what stands for each dataset and context that the step reads, by name.
        """
        made = templates(summary.package, self.engine, self.package)
        return made.render(step.template, {**work.values, "datasets": datasets})

    def troubles(self, tenant: str) -> Iterator[tuple[str, str]]:
        """What keeps the engine from working for a tenant, and how to mend it; `koku doctor` asks. By default nothing does."""
        yield from ()

    def close(self) -> None:  # noqa: B027 - most engines hold nothing
        """Let go of what the engine holds; by default it holds nothing."""
