"""Sources that are asked for their reports: what is new is kept, whatever happens, and counted once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import koku_acme
from koku_core import hookimpl
from koku_core.declare.deliveries import Download
from koku_core.errors import KokuError, Transient, UnreadableCell
from koku_core.settings import Settings
from koku_core.sources.model import Source
from koku_core.testing.case import Case, opened
from tests.contract.test_kit import altered

HEADER = "day,account,region,service,resource,usage,unit,cost,currency,tags\n"
LINE = "2026-11-0{day},shop,north,machines,{name},1,Hrs,{cost},USD,\n"


class Shop:
    """A source whose deliveries the test writes; it remembers what it was told."""

    def __init__(self) -> None:
        self.deliveries: list[dict[str, str]] = []
        self.states: list[Mapping[str, Any]] = []
        self.fails: Exception | None = None

    @hookimpl
    def koku_download(
        self, source: Source, state: Mapping[str, Any], folder: Path, settings: Settings
    ) -> Iterator[Download]:
        assert source.credentials["token"] == "a secret"
        assert [path for path in folder.rglob("*") if path.is_file()] == [], "what was kept is not there any more"
        assert settings.local_sources
        self.states.append(state)
        for number in range(state.get("seen", 0), len(self.deliveries)):
            yield Download(f"d{number}", self._written(folder / str(number), number), state={"seen": number + 1})
        if self.fails:
            raise self.fails

    def _written(self, folder: Path, number: int) -> tuple[Path, ...]:
        paths = []
        for name, content in self.deliveries[number].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(HEADER + content)
            paths.append(path)
        return tuple(paths)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def case(shop: Shop, server_dsn: str, tmp_path: Path) -> Iterator[Case]:
    with opened(altered(koku_download=shop.koku_download), server_dsn, tmp_path, {}, load=False) as made:
        yield made


def costs(case: Case) -> dict[str, str]:
    answer = case.koku.report("acme/costs", group_by="resource", months=-1, resolution="monthly")
    return {row["resource"]: f"{row['cost_total']:.0f}" for row in answer.rows()}


def line(day: int, name: str, cost: str) -> str:
    return LINE.format(day=day, name=name, cost=cost)


def test_parts_of_one_name_or_of_the_same_bytes_are_all_there(shop: Shop, case: Case) -> None:
    shop.deliveries = [{"a/bill.csv": line(1, "web", "1"), "b/bill.csv": line(1, "web", "1"), "c/bill.csv": ""}]
    (made,) = case.koku.refresh(case.source)
    assert (made.state, [f.file for f in made.files], made.rows) == ("done", ["bill.csv"] * 3, 2)
    assert costs(case) == {"web": "2"}


def test_what_a_source_takes_back_is_gone(shop: Shop, case: Case) -> None:
    shop.deliveries = [{"bill.csv": line(1, "web", "1") + line(2, "db", "5")}]
    case.koku.refresh(case.source)
    shop.deliveries.append({"bill.csv": line(1, "web", "2")})
    assert len(case.koku.refresh(case.source)) == 1
    assert costs(case) == {"web": "2"}
    assert shop.states == [{}, {"seen": 1}]


def test_a_source_that_breaks_off_goes_on_from_there(shop: Shop, case: Case) -> None:
    class Unreachable(Transient, KokuError):
        pass

    shop.deliveries, shop.fails = [{"bill.csv": line(1, "web", "1")}], Unreachable("nobody answers")
    with pytest.raises(Unreachable):
        case.koku.refresh(case.source)
    assert costs(case) == {"web": "1"}
    shop.fails = None
    assert case.koku.refresh(case.source) == []


def test_a_delivery_that_cannot_be_read_does_not_stop_the_next(shop: Shop, case: Case) -> None:
    shop.deliveries = [{"bill.csv": line(1, "web", "many")}, {"bill.csv": line(1, "web", "3")}]
    with pytest.raises(UnreadableCell, match=r"bill\.csv, row 2, column cost: 'many'"):
        case.koku.refresh(case.source)
    assert costs(case) == {}
    assert len(case.koku.refresh(case.source)) == 1
    assert costs(case) == {"web": "3"}
    assert any("could not be ingested" in str(f) for f in case.koku.doctor())


def test_days_that_the_purge_would_remove_are_left_out(shop: Shop, case: Case) -> None:
    old = line(1, "web", "7").replace("2026-11", "2024-11")
    shop.deliveries = [{"bill.csv": old + line(1, "web", "1")}]
    (made,) = case.koku.refresh(case.source)
    assert [m.isoformat() for m in made.months] == ["2026-11-01"]
    assert "older than retention" in made.warnings[0]
    assert costs(case) == {"web": "1"}


def test_a_source_that_pauses_is_not_asked(shop: Shop, case: Case) -> None:
    case.koku.sources.update(case.source, paused=True)
    shop.deliveries = [{"bill.csv": line(1, "web", "1")}]
    assert case.koku.refresh(case.source) == []
    assert shop.states == []


def test_two_who_ask_at_once_count_once(shop: Shop, case: Case) -> None:
    shop.deliveries = [{"bill.csv": line(day, "web", "1")} for day in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda _: case.koku.refresh(case.source), range(2)))
    assert sorted(len(m) for m in made) == [0, 2]
    assert costs(case) == {"web": "1"}, "the second bill of the month replaced the first"


KILLED = """
import os, signal, sys
from pathlib import Path
import koku_acme
from koku_core import Koku, hookimpl
from koku_core.plugins import Plugins
from koku_core.testing.fixtures import settings_for
from tests.contract.test_kit import altered

def dies(source, state, folder, settings):
    for made in koku_acme.download.download(source, state, folder, settings):
        yield made
        os.kill(os.getpid(), signal.SIGKILL)

plugins = Plugins((), extra={"plugin": altered(koku_download=dies)})
koku = Koku.open(settings=settings_for(sys.argv[1], Path(sys.argv[2])), plugins=plugins, tenant="killed")
koku.refresh(sys.argv[3])
"""


def test_a_process_that_is_killed_loses_and_doubles_nothing(server_dsn: str, tmp_path: Path) -> None:
    with opened(koku_acme, server_dsn, tmp_path, {}) as case:
        other = case.another("killed")
        dsn = case.koku.services.settings.database_url
        assert dsn
        root = Path(__file__).parent.parent.parent
        path = os.pathsep.join(map(str, (root, root / "tests" / "toy_provider" / "src")))
        command = [sys.executable, "-c", KILLED, dsn.get_secret_value(), str(tmp_path), other.source.uuid]
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert 0 < other.published().num_rows < case.published().num_rows
        other.koku.refresh(other.source)
        without = ["source_uuid"]
        assert other.published().drop_columns(without).equals(case.published().drop_columns(without))
