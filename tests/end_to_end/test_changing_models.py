"""A cost model that changes while others read: every answer is of one model or of another, never of both."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from koku_core import Koku, Rate
from koku_core.access import EVERYTHING
from koku_core.jobs.handlers import HANDLERS
from koku_core.jobs.runner import Runner
from koku_core.reports.service import Reports
from koku_core.settings import Settings

QUERY = "filter[time_scope_value]=-1&filter[time_scope_units]=month&filter[resolution]=monthly"
QUESTIONS = (("openshift/costs", f"{QUERY}&group_by[project]=*"), ("breakdown/openshift/costs", QUERY))
Model = tuple[str, tuple[Rate, ...], dict[str, Any]]
#: What the model becomes again and again: prices, what is handed on, another currency, no price.
MODELS: tuple[Model, ...] = (
    (
        "USD",
        (Rate("cpu_core_usage_per_hour", "0.11"), Rate("node_cost_per_month", 310)),
        {"platform_cost": True, "worker_cost": True},
    ),
    (
        "EUR",
        (Rate("cpu_core_usage_per_hour", "0.23"), Rate("cluster_cost_per_month", 777)),
        {"platform_cost": False, "worker_cost": True},
    ),
    (
        "USD",
        (Rate("memory_gb_request_per_hour", "0.07"),),
        {"platform_cost": True, "worker_cost": False, "distribution_type": "memory"},
    ),
    ("USD", (), {}),
)


@pytest.fixture
def koku(settings: Settings, tmp_path: Path) -> Iterator[Koku]:
    with Koku.open(settings=settings) as koku:
        sample = koku.services.plugins.provider("ocp").call(
            "koku_sample", folder=tmp_path, today=koku.services.clock.today()
        )
        source = koku.sources.add("ocp", name="sample", **sample.credentials)
        koku.ingest(source, sample.payloads[-1])
        koku.currencies.enable("EUR")
        koku.exchange_rates.add("EUR", "USD", "1.25", date(2026, 11, 1), date(2026, 12, 31))
        koku.cost_models.add("changing", sources=[source], rates=MODELS[-1][1])
        yield koku


def change(koku: Koku, model: Model) -> None:
    currency, rates, distribution = model
    body = {
        "name": "changing", "description": "", "source_type": "OCP", "currency": currency, "distribution_info": distribution,
        "source_uuids": [koku.sources.get("sample").uuid], "rates": [r.body(currency) for r in rates],
    }  # fmt: skip
    koku.cost_models.update("changing", body)


def costs(koku: Koku, path: str, query: str) -> str:
    """What is published now, as one who never waits for jobs is told it: the total, and the projects' costs."""
    body = Reports(koku.services, koku.handle).answer(path, query, EVERYTHING).body()
    projects = (
        {p["project"]: p["values"][0]["cost"] for p in body["data"][0]["projects"]} if "group_by" in query else {}
    )
    return repr((body["meta"]["total"]["cost"], sorted(projects.items())))


@pytest.mark.slow
def test_a_reader_sees_one_model_or_another(koku: Koku) -> None:
    of_models = []
    for model in MODELS:
        change(koku, model)
        koku.work()
        of_models.append(tuple(costs(koku, *q) for q in QUESTIONS))
    expected = [set(answers) for answers in zip(*of_models, strict=True)]
    assert [len(e) for e in expected] == [len(MODELS)] * len(QUESTIONS)
    seen: list[set[str]] = [set() for _ in QUESTIONS]
    stop = threading.Event()
    with ThreadPoolExecutor() as pool:
        work = pool.submit(Runner(koku.services, HANDLERS).run, stop, poll_s=0.01)
        changes = pool.submit(keep_changing, koku, stop)
        try:
            end = time.monotonic() + 60
            while seen != expected:
                assert time.monotonic() < end, [len(s) for s in seen]
                for place, question in enumerate(QUESTIONS):
                    seen[place].add(costs(koku, *question))
                    assert seen[place] <= expected[place]
        finally:
            stop.set()
        work.result()
        changes.result()
    change(koku, MODELS[0])
    koku.work()
    assert tuple(costs(koku, *q) for q in QUESTIONS) == of_models[0]
    for model in MODELS * 2:
        change(koku, model)
    assert [j.kind for j in koku.jobs.list(("waiting",))] == ["price"]


def keep_changing(koku: Koku, stop: threading.Event) -> None:
    for model in itertools.cycle(MODELS):
        change(koku, model)
        if stop.wait(0.1):
            return
