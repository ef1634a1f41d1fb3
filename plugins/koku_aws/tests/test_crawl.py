"""Roles, accounts and units from servers that speak like AWS: who was in which unit on which day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from plugins.koku_aws.tests.bills import Line
from plugins.koku_aws.tests.proxy import Proxy, proxy
from plugins.koku_aws.tests.servers import Store, made_bucket, moto, put

import koku_aws
from koku_aws import crawl, sample
from koku_core import Koku
from koku_core.plugins import Plugins
from koku_core.settings import Settings

ROLE = "arn:aws:iam::111111111111:role/costs"
FIRST = {"accounts": {"1": "one"}, "root": {"id": "r", "name": "Root", "accounts": ["1"], "children": []}}
MOVED = {**FIRST, "root": {"id": "r", "name": "Root", "accounts": [], "children": [{"id": "ou", "accounts": ["1"]}]}}


def test_a_state_holds_until_another_one_is_seen() -> None:
    states: list[dict[str, Any]] = []
    for day, found in ((1, FIRST), (2, FIRST), (5, MOVED), (6, None), (7, MOVED), (9, FIRST), (9, MOVED)):
        states = crawl.kept(states, found, date(2026, 11, day), date(2026, 8, 1))
    assert [s["since"] for s in states] == ["0001-01-01", "2026-11-05"]
    assert crawl.kept(states, FIRST, date(2026, 12, 3), date(2026, 11, 5))[0]["since"] == "2026-11-05", (
        "the first one has ended"
    )
    in_october, in_november, in_december = (
        json.loads(crawl.of_month(states, date(2026, m, 1)) or b"[]") for m in (10, 11, 12)
    )
    assert [s["since"] for s in in_october] == ["0001-01-01"]
    assert [s["since"] for s in in_november] == ["0001-01-01", "2026-11-05"]
    assert [s["since"] for s in in_december] == ["2026-11-05"]
    assert crawl.of_month([], date(2026, 10, 1)) is None


@dataclass
class Cloud:
    """The servers, and the account that pays."""

    bucket: Proxy
    accounts: Proxy
    units: Proxy
    storage: Any

    def client(self, service: str) -> Any:
        """A client of the paying account."""
        import boto3

        sts = boto3.client("sts", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        made = sts.assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
        keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
        return boto3.client(service, region_name="us-east-1", aws_session_token=made["SessionToken"], **keys)


@pytest.fixture
def cloud(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with ExitStack() as stack:
        server = stack.enter_context(moto())
        accounts, units = (stack.enter_context(proxy(server)) for _ in range(2))
        bucket = stack.enter_context(proxy(store.url, store.login))
        for service, way in {"STS": accounts, "IAM": accounts, "ORGANIZATIONS": units}.items():
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", way.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "this-machine")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "has-a-login")
        yield Cloud(bucket, accounts, units, store.client)


def opened(settings: Settings, day: int) -> Koku:
    """The library on a day of November."""
    at = datetime(2026, 11, day, 12, tzinfo=UTC)
    return Koku.open(settings=settings.model_copy(update={"clock": at}), plugins=Plugins((), extra={"aws": koku_aws}))


def bill(cloud: Cloud, bucket: str, folder: Path, accounts: list[str], last: int) -> None:
    lines = [Line(day=date(2026, 11, d), account=a, unblended=Decimal(1)) for d in range(1, last + 1) for a in accounts]
    sample.bill(folder / "bucket", date(2026, 11, 1), [line.cells() for line in lines], lines[0].cells())
    put(cloud.storage, bucket, folder / "bucket")


def ask(koku: Koku, unit: str, resolution: str = "daily") -> list[Any]:
    """What lies in a unit."""
    rows = koku.report("aws/costs", group_by={"org_unit_id": unit}, months=-1, resolution=resolution).rows()
    return sorted(rows, key=lambda r: (r["date"], r["type"]))


@pytest.mark.slow
def test_units_have_a_history(settings: Settings, cloud: Cloud, tmp_path: Path) -> None:
    bucket, organizations = made_bucket(cloud.storage), cloud.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    (root,) = organizations.list_roots()["Roots"]
    sales = organizations.create_organizational_unit(ParentId=root["Id"], Name="Sales")["OrganizationalUnit"]["Id"]
    shop = organizations.create_account(AccountName="shop", Email="shop@example.com")["CreateAccountStatus"][
        "AccountId"
    ]
    bill(cloud, bucket, tmp_path, [shop], 9)
    with opened(settings, 10) as koku:
        source = koku.sources.add(
            "AWS", name="bills", role_arn=ROLE, external_id="known-to-both", data_source={"bucket": bucket}
        )
        (made,) = koku.refresh(source)
        assert koku.refresh(source) == []
        assert (made.months, made.warnings) == ((date(2026, 11, 1),), ())
    assert any("AssumeRole" in a and "ExternalId=known-to-both" in a for a in cloud.accounts.asked)
    organizations.move_account(AccountId=shop, SourceParentId=root["Id"], DestinationParentId=sales)
    bill(cloud, bucket, tmp_path, [shop], 14)
    with opened(settings, 15) as koku:
        koku.refresh(koku.sources.get("bills"))
        rows = ask(koku, root["Id"])
    where = {r["date"]: (r["type"], r["alias"]) for r in rows}
    assert where["2026-11-09"] == ("account", "shop")
    assert where["2026-11-14"] == ("account", "shop"), "it was seen there until the 14th"
    with opened(settings, 16) as koku:
        bill(cloud, bucket, tmp_path, [shop], 16)
        koku.refresh(koku.sources.get("bills"))
        rows = ask(koku, root["Id"])
        where = {r["date"]: (r["type"], r["alias"]) for r in rows}
        assert [where[f"2026-11-{d}"][0] for d in (14, 15, 16)] == [
            "account",
            "organizational_unit",
            "organizational_unit",
        ]
        assert where["2026-11-16"] == ("organizational_unit", "Sales")
        assert sum(r["cost_raw"] for r in rows) == 16
        cloud.units.busy["/"] = 1000  # nothing is heard of the organization any more: what was known stays
        bill(cloud, bucket, tmp_path, [shop], 17)
        koku.refresh(koku.sources.get("bills"))
        assert [(r["type"], r["cost_raw"]) for r in ask(koku, root["Id"], "monthly")] == [
            ("account", 14),
            ("organizational_unit", 2),
        ]


@pytest.mark.slow
def test_an_account_without_an_organization_has_its_alias(settings: Settings, cloud: Cloud, tmp_path: Path) -> None:
    bucket = made_bucket(cloud.storage)
    cloud.client("iam").create_account_alias(AccountAlias="alone")
    bill(cloud, bucket, tmp_path, ["111111111111", "222222222222"], 5)
    with opened(settings, 10) as koku:
        source = koku.sources.add("AWS", name="bills", role_arn=ROLE, data_source={"bucket": bucket})
        (made,) = koku.refresh(source)
        assert [w.split(":")[0] for w in made.warnings] == ["Accounts and units are not known"]
        rows = koku.report("aws/costs", group_by="account", months=-1, resolution="monthly").rows()
        assert {r["id"]: r["alias"] for r in rows} == {"111111111111": "alone", "222222222222": "222222222222"}
