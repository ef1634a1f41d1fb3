"""What may go wrong while a bill is fetched from a real S3 server, and that the figures are right afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from plugins.koku_aws.tests.proxy import Proxy, proxy
from plugins.koku_aws.tests.servers import Store, put

import koku_aws
from koku_aws import sample
from koku_core import Koku
from koku_core.errors import PayloadRefused, SourceBusy, SourceUnreadable
from koku_core.plugins import Plugins
from koku_core.settings import Settings
from koku_core.sources.model import Source

pytestmark = pytest.mark.slow
OCTOBER, NOVEMBER = "20261001-20261101", "20261101-20261201"
DATA = "cur-00001.csv.gz"


@pytest.fixture
def way(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The way to the S3 server."""
    with proxy(store.url) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", made.url)
        yield made


def add(koku: Koku, store: Store, bucket: str) -> Source:
    return koku.sources.add("AWS", name="s3", data_source={"bucket": bucket}, **store.good)


def costs(koku: Koku, months: int = -1) -> Any:
    rows = list(koku.report("aws/costs", months=months, resolution="monthly").rows())
    return rows[0]["cost_raw"] if rows else 0


def data(store: Store, bucket: str, month: str) -> str:
    """The key of a month's data file."""
    listed = store.client.list_objects_v2(Bucket=bucket)["Contents"]
    return next(str(o["Key"]) for o in listed if month in o["Key"] and o["Key"].endswith(".gz"))


EXPECTED = {-1: sum(float(line["lineItem/UnblendedCost"]) for line in sample.LINES) * 21,
            -2: sum(float(line["lineItem/UnblendedCost"]) for line in sample.LINES) * 31}  # fmt: skip


def assert_whole(koku: Koku) -> None:
    for months, expected in EXPECTED.items():
        assert float(costs(koku, months)) == pytest.approx(expected, abs=1e-9)


def test_a_server_that_is_busy_for_a_moment_is_asked_again(koku: Koku, way: Proxy, store: Store, bucket: str) -> None:
    way.busy |= {"list-type": 2, DATA: 2}
    assert len(koku.refresh(add(koku, store, bucket))) == 2
    assert_whole(koku)


def test_a_server_that_stays_busy_loses_nothing(koku: Koku, way: Proxy, store: Store, bucket: str) -> None:
    source = add(koku, store, bucket)
    way.busy[OCTOBER] = 1000
    with pytest.raises(SourceBusy, match="SlowDown"):
        koku.refresh(source)
    assert costs(koku, -2) == 0
    assert float(costs(koku)) == pytest.approx(EXPECTED[-1])
    way.busy.clear()
    assert [r.months for r in koku.refresh(source)] == [(date(2026, 10, 1),)], "November is not fetched again"
    assert_whole(koku)


def test_a_connection_that_breaks_leaves_no_half(koku: Koku, way: Proxy, store: Store, bucket: str) -> None:
    source = add(koku, store, bucket)
    way.broken[DATA] = 1
    with pytest.raises(SourceBusy, match="cannot be reached"):
        koku.refresh(source)
    koku.refresh(source)
    assert_whole(koku)


def test_a_bill_that_is_written_while_it_is_read_is_read_again(
    koku: Koku, way: Proxy, store: Store, bucket: str, tmp_path: Path
) -> None:
    key = data(store, bucket, NOVEMBER)
    rows = [{**row, "lineItem/UnblendedCost": "1"} for row in sample.lines(date(2026, 11, 3))]
    new = sample.bill(tmp_path / "bucket", date(2026, 11, 1), rows).read_bytes()
    way.before[NOVEMBER + "/" + key.split("/")[-2]] = lambda: store.client.put_object(Bucket=bucket, Key=key, Body=new)
    source = add(koku, store, bucket)
    with pytest.raises(SourceBusy, match="changed while it was read"):
        koku.refresh(source)
    assert costs(koku) == 0
    way.before.clear()
    assert [r.months for r in koku.refresh(source)] == [(date(2026, 11, 1),)]
    assert costs(koku) == len(sample.LINES)


def test_a_file_that_was_cut_off_before_it_was_stored_is_refused(
    koku: Koku, way: Proxy, store: Store, bucket: str
) -> None:
    key, client = data(store, bucket, OCTOBER), store.client
    whole = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    client.put_object(Bucket=bucket, Key=key, Body=whole[: len(whole) * 2 // 3])
    source = add(koku, store, bucket)
    with pytest.raises(PayloadRefused, match=f"{DATA}.*cut off or damaged"):
        koku.refresh(source)
    assert costs(koku, -2) == 0
    client.put_object(Bucket=bucket, Key=key, Body=whole)
    koku.refresh(source)
    assert_whole(koku)


def test_a_signature_that_is_wrong_is_told_without_the_secret(
    koku: Koku, way: Proxy, store: Store, bucket: str
) -> None:
    source = koku.sources.add(
        "AWS",
        name="s3",
        data_source={"bucket": bucket},
        access_key_id=store.login[0],
        secret_access_key="not-it-at-all",
    )
    with pytest.raises(SourceUnreadable, match="does not belong to the access key") as refused:
        koku.refresh(source)
    assert "not-it-at-all" not in str(refused.value)


def test_months_that_are_written_anew_replace_what_they_must_once(
    koku: Koku, way: Proxy, store: Store, bucket: str, tmp_path: Path
) -> None:
    source = add(koku, store, bucket)
    koku.refresh(source)
    line = len(sample.LINES)
    for month, days, amount in (
        (date(2026, 10, 1), 31, "2"),
        (date(2026, 11, 1), 20, "3"),
        (date(2026, 11, 1), 19, "3"),
    ):
        rows = [  # the finalised bill of October has an invoice; a day of November is withdrawn
            {**row, "lineItem/UnblendedCost": amount, "bill/InvoiceId": "2026-10-17"}
            for day in sample.days(month, month.replace(day=days)) for row in sample.lines(day)
        ]  # fmt: skip
        sample.bill(tmp_path / "bucket", month, rows, [*sample.HEADER, "bill/InvoiceId"])
        put(store.client, bucket, tmp_path / "bucket")
        assert [r.months for r in koku.refresh(source)] == [(month,)]
        assert koku.refresh(source) == []
        assert costs(koku, -1 if month.month == 11 else -2) == line * days * int(amount)
    assert costs(koku, -2) == line * 31 * 2


def split(bucket: Path, month: date, rows: list[dict[str, str]]) -> None:
    """Write a bill of two files, the first of which has half of the rows."""
    data = sample.bill(bucket, month, rows[1::2])
    second = data.replace(data.with_name("cur-00002.csv.gz"))
    first = sample.bill(bucket, month, rows[::2])
    manifest = first.parents[1] / "cur-Manifest.json"
    keys = [str(p.relative_to(bucket)) for p in (first, second)]
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "reportKeys": keys}))


def test_a_process_that_is_killed_in_the_middle_goes_on_from_there(
    settings: Settings, way: Proxy, store: Store, bucket: str, tmp_path: Path
) -> None:
    days = sample.days(date(2026, 11, 1), date(2026, 11, 21))
    split(tmp_path / "bucket", date(2026, 11, 1), [row for day in days for row in sample.lines(day)])
    put(store.client, bucket, tmp_path / "bucket")
    dsn = settings.database_url.get_secret_value() if settings.database_url else ""
    env = {**os.environ, "KOKU_DATABASE_URL": dsn, "KOKU_DATA_DIR": str(settings.data_dir), "KOKU_PLUGINS": "aws",
           "KOKU_CLOCK": "2026-11-22T20:00:00Z"}  # fmt: skip
    with Koku.open(settings=settings, plugins=Plugins((), extra={"aws": koku_aws})) as koku:
        source = add(koku, store, bucket)
        reached, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            while not any((settings.data_dir / "downloads").rglob(f"*{DATA}")):
                time.sleep(0.01)
            reached.set()
            go_on.wait(30)

        way.before["cur-00002"] = hold
        code = f"from koku_core import Koku\nwith Koku.open() as koku: koku.refresh({source.uuid!r})"
        process = subprocess.Popen([sys.executable, "-c", code], env=env)
        assert reached.wait(60), "it never asked for November's second file"
        process.send_signal(signal.SIGKILL)
        process.wait()
        go_on.set()
        way.before.clear()
        time.sleep(0.1)
        assert float(costs(koku, -2)) == pytest.approx(EXPECTED[-2]), "October had been ingested"
        assert costs(koku) == 0
        koku.refresh(source)
        assert_whole(koku)
    assert way.gets(f"{OCTOBER}/a1b2c3d4") == 1, "October's data were fetched once"
    assert way.gets(f"{NOVEMBER}/a1b2c3d4-0000-4000-8000-000000000000/{DATA}") == 1, "so was November's first file"
    assert not [p for p in (settings.data_dir / "downloads").rglob("*") if p.is_file()]
