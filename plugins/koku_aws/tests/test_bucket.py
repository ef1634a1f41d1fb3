"""Downloads from a real S3 server: all of it, what changed, and every way in which it fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from plugins.koku_aws.tests.servers import Store, put

from koku_aws import sample
from koku_aws.bucket import Bucket
from koku_core import Koku
from koku_core.bills.places import Stored
from koku_core.errors import SourceBusy, SourceUnreadable
from koku_core.sources.model import Source

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("storage")]


def add(koku: Koku, store: Store, bucket: str, **changes: Any) -> Source:
    credentials = {**store.good, **changes.pop("credentials", {})}
    return koku.sources.add("AWS", name="s3", data_source={"bucket": bucket, **changes}, **credentials)


def total(koku: Koku) -> float:
    body = koku.report("aws/costs", months=-1, resolution="monthly").body()
    return float(body["meta"]["total"]["cost"]["raw"]["value"])


def test_fetches_all_then_only_what_changed(
    koku: Koku, storage: Any, store: Store, bucket: str, tmp_path: Path
) -> None:
    source = add(koku, store, bucket)
    assert len(koku.refresh(source)) == 2
    assert koku.refresh(source) == []
    before = total(koku)
    month = date(2026, 11, 1)
    rows = [row for day in sample.days(month, date(2026, 11, 20)) for row in sample.lines(day)]
    sample.bill(tmp_path / "bucket", month, rows)
    put(storage, bucket, tmp_path / "bucket")
    (again,) = koku.refresh(source)
    assert again.months == (month,)
    assert total(koku) == pytest.approx(before * 20 / 21), "a day that was withdrawn is gone"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bucket": "no-such-bucket-here"}, "no such bucket"),
        ({"credentials": {"access_key_id": "nobody", "secret_access_key": "x"}}, "does not know the access key"),
        ({"credentials": {"secret_access_key": "wrong"}}, "does not belong to the access key"),
        ({"prefix": "elsewhere"}, "no report is in elsewhere"),
        ({"report": "other"}, "no report is in other"),
    ],
)
def test_says_what_is_wrong(koku: Koku, store: Store, bucket: str, changes: dict[str, Any], said: str) -> None:
    given = {"bucket": bucket, **changes}
    source = add(koku, store, given.pop("bucket"), **given)
    with pytest.raises(SourceUnreadable, match=said) as refused:
        koku.refresh(source)
    assert store.login[1] not in str(refused.value)


def test_an_unreachable_server_is_tried_again(
    koku: Koku, store: Store, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(SourceBusy, match="cannot be reached"):
        koku.refresh(add(koku, store, bucket))


def test_a_file_that_is_missing_is_named_and_other_months_come_in(
    koku: Koku, storage: Any, store: Store, bucket: str
) -> None:
    listed = storage.list_objects_v2(Bucket=bucket)["Contents"]
    (lost,) = (o["Key"] for o in listed if "20261001" in o["Key"] and o["Key"].endswith(".gz"))
    storage.delete_object(Bucket=bucket, Key=lost)
    source = add(koku, store, bucket)
    with pytest.raises(SourceUnreadable, match=lost):
        koku.refresh(source)
    assert total(koku) > 0


def test_a_file_that_changes_while_it_is_read_is_not_taken(storage: Any, bucket: str, tmp_path: Path) -> None:
    place = Bucket(storage, bucket, "")
    found = next(iter(place.objects("Manifest.json")))
    storage.put_object(Bucket=bucket, Key=found.key, Body=b"{}")
    with pytest.raises(SourceBusy, match="changed while it was read"):
        place.fetch(found, tmp_path / "manifest")


def test_a_file_that_ends_early_is_not_taken(storage: Any, bucket: str, tmp_path: Path) -> None:
    place = Bucket(storage, bucket, "")
    found = next(iter(place.objects("Manifest.json")))
    with pytest.raises(SourceBusy, match="ended after"):
        place.fetch(replace(found, size=found.size + 1), tmp_path / "manifest")
    assert isinstance(found, Stored)
