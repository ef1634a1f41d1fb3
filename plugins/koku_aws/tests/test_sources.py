"""What somebody may say of a source, and what they are told if it is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

import koku_aws
from koku_aws.sources import Bucket, Credentials
from koku_core import Koku
from koku_core.access import EVERYTHING, Identity
from koku_core.api import create_app
from koku_core.plugins import Plugins
from koku_core.settings import Settings

ROLE = "arn:aws:iam::111111111111:role/costs"


def test_a_key_or_profile_stands_for_the_role() -> None:
    assert Credentials(access_key_id="AKIA1", secret_access_key="s").role_arn == "AKIA1"
    assert Credentials(profile="billing").role_arn == "billing"
    assert Credentials(role_arn=ROLE, external_id="x").role_arn == ROLE


@pytest.mark.parametrize("given", [{}, {"role_arn": ""}, {"role_arn": ROLE, "access_key_id": "AKIA1"}])
def test_credentials_that_are_not_enough_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Credentials(**given)


@pytest.mark.parametrize("name", ["s3://bills", "bills/cur", "", "-x"])
def test_a_bucket_is_a_plain_name(name: str) -> None:
    with pytest.raises(ValidationError):
        Bucket(bucket=name)


@pytest.mark.parametrize(
    ("credentials", "place", "told"),
    [
        ({"role_arn": ""}, {"bucket": "bills"}, "authentication.role_arn.missing"),
        ({"arn": "x"}, {"bucket": "bills"}, "authentication.credentials.role_arn"),
        ({"role_arn": ROLE}, {"bucket": ""}, "billing_source.bucket.missing"),
        ({"role_arn": ROLE}, {"folder": "x"}, "billing_source.data_source.provider.data_source"),
    ],
)
def test_the_api_names_the_field(
    settings: Settings, credentials: dict[str, str], place: dict[str, str], told: str
) -> None:
    with Koku.open(settings=settings, plugins=Plugins((), extra={"aws": koku_aws})) as koku:
        client = TestClient(create_app(koku, identify=lambda _: Identity("default", "tester", EVERYTHING)))
        body = {"name": "bills", "source_type": "AWS", "authentication": {"credentials": credentials},
                "billing_source": {"data_source": place}}  # fmt: skip
        answer = client.post("/api/cost-management/v1/sources/", json=body)
    assert answer.status_code == 400
    assert [e["source"] for e in answer.json()["errors"]] == [told]


def test_a_secret_is_kept_and_never_shown(settings: Settings) -> None:
    unchecked = settings.model_copy(update={"check_sources": False})
    with Koku.open(settings=unchecked, plugins=Plugins((), extra={"aws": koku_aws})) as koku:
        client = TestClient(create_app(koku, identify=lambda _: Identity("default", "tester", EVERYTHING)))
        body = {"name": "bills", "source_type": "AWS", "billing_source": {"data_source": {"bucket": "bills"}},
                "authentication": {"credentials": {"access_key_id": "AKIA1", "secret_access_key": "verysecret"}}}  # fmt: skip
        answer = client.post("/api/cost-management/v1/sources/", json=body)
        assert answer.status_code == 201, answer.text
        listed = client.get("/api/cost-management/v1/sources/").text
        (source,) = koku.sources
        assert koku.sources.with_secrets(source).credentials["secret_access_key"] == "verysecret"
    assert "verysecret" not in answer.text + listed + repr(source)


def test_a_role_may_read_several_buckets(settings: Settings) -> None:
    unchecked = settings.model_copy(update={"check_sources": False})
    with Koku.open(settings=unchecked, plugins=Plugins((), extra={"aws": koku_aws})) as koku:
        client = TestClient(create_app(koku, identify=lambda _: Identity("default", "tester", EVERYTHING)))

        def post(name: str, **place: str) -> tuple[int, str, str]:
            body = {"name": name, "source_type": "AWS", "billing_source": {"data_source": place},
                    "authentication": {"credentials": {"role_arn": ROLE}}}  # fmt: skip
            answer = client.post("/api/cost-management/v1/sources/", json=body)
            found = answer.json()
            return answer.status_code, found.get("uuid", ""), found.get("errors", [{}])[0].get("source", "")

        assert [
            post("a", bucket="bills")[0],
            post("b", bucket="other")[0],
            post("c", bucket="bills", prefix="cur")[0],
        ] == [201] * 3
        assert post("e", bucket="bills", report="cur")[0] == 201, "a report is not a prefix"
        assert post("d", bucket="other") == (400, "", "source.duplicate")
        source = koku.sources.get("b")
        moved = client.patch(
            f"/api/cost-management/v1/sources/{source.uuid}/",
            json={"billing_source": {"data_source": {"bucket": "bills"}}},
        )
        assert (moved.status_code, moved.json()["errors"][0]["source"]) == (400, "source.duplicate")
        kept = koku.sources.update(source, data_source={"bucket": "third"})
        assert (kept.key, kept.data_source["bucket"]) == (f"{ROLE} bucket=third", "third")


def test_forms_offer_the_regions_of_buckets(settings: Settings) -> None:
    with Koku.open(settings=settings, plugins=Plugins((), extra={"aws": koku_aws})) as koku:
        client = TestClient(create_app(koku, identify=lambda _: Identity("default", "tester", EVERYTHING)))
        body = client.get("/api/cost-management/v1/sources/aws-s3-regions/?limit=100").json()
    assert {"eu-central-1", "us-east-1"} <= set(body["data"])
    assert body["data"] == sorted(body["data"])
    assert body["meta"]["count"] == len(body["data"])
