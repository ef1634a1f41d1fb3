"""The whole way, from payload to report, on every PostgreSQL that is installed: the wheel's and the system's."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from koku_core import Koku
from koku_core.embedded import EmbeddedServer
from koku_core.embedded.binaries import Binaries, candidates
from koku_core.settings import Settings
from koku_ocp.sample.cluster import GPUS, MACHINES, NODES, VOLUMES

PROGRAMS = [c for c in candidates() if c.major >= 15]

pytestmark = pytest.mark.slow


#: What October costs by the sample's prices: nodes, GPUs, cluster, all cores and GiB that there are (what no pod uses is unallocated, and
#: priced as use), claims, and hours of machines.
EXPECTED = (
    len(NODES) * 250 + len({gpu.number for gpu in GPUS}) * 900 + 120
    + 744 * sum(0.03 * node.cores + 0.004 * node.memory for node in NODES.values())
    + 0.12 * sum(volume.capacity for volume in VOLUMES)
    + 0.05 * sum(m.runs(hour, date(2026, 10, day).weekday() >= 5) for m in MACHINES for day in range(1, 32) for hour in range(24))
)  # fmt: skip


@pytest.mark.parametrize("programs", PROGRAMS, ids=lambda b: f"{'wheel' if b.from_wheel else 'system'}-{b.major}")
def test_the_whole_way(tmp_path: Path, programs: Binaries) -> None:
    with EmbeddedServer(tmp_path / "postgres", durable=False, programs=programs.folder) as server:
        settings = Settings(
            database_url=server.dsn, data_dir=tmp_path, clock=datetime(2026, 11, 22, 20, tzinfo=UTC), plugins=("ocp",)
        )
        with Koku.open(settings=settings) as koku:
            sample = koku.services.plugins.provider("ocp").call(
                "koku_sample", folder=tmp_path, today=date(2026, 11, 22)
            )
            source = koku.sources.add(sample.source_type, name="prod", **sample.credentials)
            koku.cost_models.create({**sample.cost_model, "source_uuids": [source.uuid]})
            koku.ingest(source, sample.payloads[0])
            koku.tags.enable("ocp", sample.tag_keys)
            assert koku.work() == 1
            body = koku.report("openshift/costs", months=-2, resolution="monthly").body()
            assert body["meta"]["total"]["cost"]["total"]["value"] == pytest.approx(EXPECTED, abs=1e-6)
            tagged = koku.report("openshift/costs", group_by="tag:team", months=-2, resolution="monthly").body()
            assert {"storefront", "payments", "data"} <= {team["team"] for team in tagged["data"][0]["teams"]}
