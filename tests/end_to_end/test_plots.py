"""Pictures of answers: what is drawn and how, and that files of every format come of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from koku_core import Koku
from koku_core.errors import UnknownName
from koku_core.plugins import Plugins
from koku_core.reports.plot import save
from koku_core.testing.fixtures import settings_for
from tests.conftest import database

BOTH = {"start": "2026-10-01", "end": "2026-11-21"}


@pytest.fixture(scope="module")
def koku(server_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Koku]:
    """The sample cluster, priced."""
    folder = tmp_path_factory.mktemp("plots")
    sample = Plugins(["ocp"]).provider("ocp").call("koku_sample", folder=folder, today=date(2026, 11, 22))
    with database(server_dsn) as dsn, Koku.open(settings=settings_for(dsn, folder), plugins=Plugins(["ocp"])) as made:
        source = made.sources.add(sample.source_type, name=sample.name, **sample.credentials)
        made.tags.enable("ocp", sample.tag_keys)
        made.cost_models.create({**sample.cost_model, "source_uuids": [source.uuid]})
        for payload in sample.payloads:
            made.ingest(source, payload)
        yield made


def drawn(koku: Koku, path: str, figure: str | None = None, **question: Any) -> dict[str, Any]:
    made: dict[str, Any] = koku.report(path, **question).plot(figure).to_dict()
    return made


def data(spec: dict[str, Any]) -> list[dict[str, Any]]:
    [values] = spec["datasets"].values()
    return list(values)


def test_costs_over_time_are_stacked_by_group_largest_first(koku: Koku) -> None:
    answer = koku.report("openshift/costs", group_by="project", resolution="monthly", **BOTH)
    spec = answer.plot().to_dict()
    encoding = spec["encoding"]
    groups = encoding["color"]["scale"]["domain"]
    assert spec["mark"]["type"] == "bar"
    assert spec["title"]["text"] == "Total cost by project"
    assert spec["title"]["subtitle"] == "openshift/costs · 2026-10-01 to 2026-11-21"
    assert encoding["y"]["title"] == "Total cost (USD)"
    assert "$" in encoding["y"]["axis"]["labelExpr"]
    assert encoding["x"]["scale"]["domain"] == ["2026-10", "2026-11"]
    sums = {g: sum(r["value"] for r in data(spec) if r["group"] == g) for g in groups}
    assert groups == sorted(groups, key=lambda g: (g == "Others", -sums[g])), "the largest is the first"
    assert sum(sums.values()) == pytest.approx(sum(map(float, answer.to_arrow()["cost_total"].to_pylist())))


def test_small_groups_become_others_and_the_sum_stays(koku: Koku) -> None:
    answer = koku.report("openshift/costs", group_by=["node", "project"], resolution="monthly", **BOTH)
    spec = answer.plot().to_dict()
    groups = spec["encoding"]["color"]["scale"]["domain"]
    assert (len(groups), groups[-1]) == (10, "Others")
    assert spec["encoding"]["color"]["scale"]["range"][-1] == "#bab0ac"
    assert "gpu-0 · training" in {r["group"] for r in data(spec)}
    total = float(sum(answer.to_arrow()["cost_total"].to_pylist()))
    assert sum(r["value"] for r in data(spec)) == pytest.approx(total)


def test_others_of_the_answer_are_grey_and_last(koku: Koku) -> None:
    spec = drawn(koku, "openshift/costs", group_by="project", limit=2, days=-10)
    assert spec["encoding"]["color"]["scale"]["domain"] == ["training", "Worker unallocated", "Others"]


def test_one_month_is_compared_with_labels(koku: Koku) -> None:
    spec = drawn(koku, "openshift/costs", group_by="project", months=-2)
    bars, texts = spec["layer"]
    assert (bars["mark"]["type"], texts["mark"]["type"]) == ("bar", "text")
    assert spec["title"]["subtitle"] == "openshift/costs · October 2026"
    assert "$1,314.50" in {r["label"] for r in data(spec)}
    assert bars["encoding"]["y"]["sort"][:2] == ["training", "Worker unallocated"]
    gpus = drawn(koku, "openshift/gpu", group_by="gpu_mode", months=-2)
    assert gpus["title"]["text"] == "Total cost by gpu mode and gpu name"


def test_days_without_data_are_gaps(koku: Koku) -> None:
    spec = drawn(koku, "openshift/costs", group_by="project", days=-90)
    days = spec["encoding"]["x"]["scale"]["domain"]
    assert (days[0], days[-1], len(days)) == ("2026-10-01", "2026-11-21", 52)


def test_quantities_are_lines_and_capacity_is_dashed(koku: Koku) -> None:
    spec = drawn(koku, "openshift/compute", days=-30)
    assert spec["mark"]["type"] == "line"
    assert spec["encoding"]["y"]["title"] == "Core-Hours"
    assert spec["encoding"]["color"]["scale"]["domain"] == ["Usage", "Request", "Limit", "Capacity"]
    assert spec["encoding"]["strokeDash"]["scale"]["range"][-1] == [6, 4]
    [capacity] = {r["value"] for r in data(spec) if r["figure"] == "Capacity"}
    assert capacity == 1056, "44 cores for a day"


def test_groups_of_quantities_have_panels(koku: Koku) -> None:
    spec = drawn(koku, "openshift/memory", group_by="project", days=-30)
    assert spec["facet"]["field"] == "group"
    assert len(spec["facet"]["sort"]) == 6
    assert spec["title"]["subtitle"].endswith("6 largest of 10")
    limits = {r["group"] for r in data(spec) if r["figure"] == "Limit"}
    assert "openshift-monitoring" not in limits, "nobody set one"
    assert not any(r["figure"] == "Capacity" for r in data(spec)), "it is the cluster's, not the projects'"
    nodes = drawn(koku, "openshift/compute", group_by="node", days=-30)
    assert any(r["figure"] == "Capacity" for r in data(nodes))


def test_quantities_of_one_month_stand_side_by_side(koku: Koku) -> None:
    spec = drawn(koku, "openshift/compute", group_by="node", months=-2)
    assert spec["encoding"]["yOffset"]["field"] == "figure"
    alone = drawn(koku, "openshift/compute", months=-2)
    assert alone["encoding"]["y"]["sort"] == ["Usage", "Request", "Limit", "Capacity"]


def test_another_figure_may_be_drawn(koku: Koku) -> None:
    spec = drawn(koku, "openshift/costs", "cost_total_distributed", group_by="project", months=-2)
    assert spec["title"]["text"] == "Distributed cost by project"
    assert drawn(koku, "openshift/compute", "cost_total", group_by="node", days=-10)["mark"]["type"] == "bar"
    with pytest.raises(UnknownName, match="cost_total_distributed"):
        drawn(koku, "openshift/costs", "profit", group_by="project", months=-2)


def test_an_order_by_a_figure_chooses_it(koku: Koku) -> None:
    spec = drawn(koku, "openshift/costs", group_by="project", order_by="distributed_cost", months=-2)
    assert spec["title"]["text"] == "Distributed cost by project"


@pytest.mark.parametrize("question", [{"months": -3}, {"start": "2025-01-01", "end": "2025-01-31"}])
def test_nothing_is_told(koku: Koku, question: dict[str, Any]) -> None:
    spec = drawn(koku, "openshift/costs", group_by="project", **question)
    assert data(spec) == [{"text": "There are no data for this question."}]
    assert spec["title"]["text"] == "Nothing to show"
    assert data(drawn(koku.tenant("nobody"), "openshift/costs", months=-2))


@pytest.mark.parametrize(
    ("suffix", "begins"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF"), ("html", b"<")]
)
def test_files_of_every_format(koku: Koku, tmp_path: Path, suffix: str, begins: bytes) -> None:
    path = tmp_path / f"costs.{suffix}"
    save(koku.report("openshift/costs", group_by="project", days=-30).plot(), path)
    content = path.read_bytes()
    assert content.lstrip().startswith(begins)
    assert suffix not in ("svg", "html") or b"Worker unallocated" in content
    assert suffix != "html" or b'src="http' not in content, "it needs no network"


def test_other_formats_are_refused(koku: Koku, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"There is no format of pictures '.bmp'. Known: .html"):
        save(koku.report("openshift/costs", months=-2).plot(), tmp_path / "costs.bmp")
    assert not list(tmp_path.iterdir())


def test_ipython_gets_a_table(koku: Koku) -> None:
    bundle = koku.report("openshift/costs", group_by="project", months=-2)._repr_mimebundle_()
    assert "shop-staging" in bundle["text/plain"]
    assert bundle["text/html"].startswith("<table>")


def test_what_has_no_price_yet_is_told(koku: Koku) -> None:
    spec = drawn(koku, "openshift/costs", "infra_markup", group_by="project", months=-2)
    assert data(spec) == [{"text": "All values are 0. `koku doctor` says whether something is missing."}]
