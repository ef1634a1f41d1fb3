"""What somebody is told at once who adds a source that cannot be read; and that no secret is ever told."""

from __future__ import annotations

import io
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from plugins.koku_aws.tests.proxy import proxy
from plugins.koku_aws.tests.servers import Store, made_bucket, moto, put
from starlette.testclient import TestClient

import koku_aws
from koku_aws import sample, session
from koku_core import Koku
from koku_core.access import EVERYTHING, Identity
from koku_core.api import create_app
from koku_core.plugins import Plugins
from koku_core.settings import Settings

pytestmark = pytest.mark.slow
ROLE = "arn:aws:iam::111111111111:role/costs"
COLUMNS = [dict(zip(("category", "name"), c.split("/"), strict=True)) for c in sample.HEADER if c.count("/") == 1]
DEFINED = {"ReportName": "cur", "S3Bucket": "", "Compression": "GZIP", "AdditionalSchemaElements": ["RESOURCES"]}


@pytest.fixture
def bucket(storage: Any, bucket: str, tmp_path: Path) -> str:
    """A bucket with the sample's bills, whose manifests tell their columns."""
    for manifest in (tmp_path / "bucket").rglob("*Manifest.json"):
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "columns": COLUMNS}))
    put(storage, bucket, tmp_path / "bucket")
    return bucket


@pytest.fixture
def post(koku: Koku, store: Store) -> Callable[..., Any]:
    """Adds a source by the API."""
    client = TestClient(create_app(koku, identify=lambda _: Identity("default", "tester", EVERYTHING)))

    def send(place: dict[str, Any], credentials: dict[str, Any] | None = None, *, uuid: str = "") -> Any:
        body = {"name": "bills", "source_type": "AWS", "billing_source": {"data_source": place},
                "authentication": {"credentials": credentials or store.good}}  # fmt: skip
        base = "/api/cost-management/v1/sources/"
        return client.patch(f"{base}{uuid}/", json=body) if uuid else client.post(base, json=body)

    return send


def told(answer: Any) -> tuple[str, str]:
    """Field and message of a refusal."""
    assert answer.status_code == 400, answer.text
    (error,) = answer.json()["errors"]
    return error["source"], error["detail"]


def test_a_source_that_works_is_taken_and_one_that_does_not_any_more_is_not(
    post: Callable[..., Any], bucket: str
) -> None:
    made = post({"bucket": bucket})
    assert made.status_code == 201, made.text
    uuid = made.json()["uuid"]
    field, said = told(post({"bucket": "no-such-bucket-here"}, uuid=uuid))
    assert (field, "no such bucket" in said) == ("billing_source.bucket.notfound", True)
    assert post({"bucket": bucket, "report": "cur"}, uuid=uuid).status_code == 200


@pytest.mark.parametrize(("place", "credentials", "field", "said"), [
    ({"bucket": "no-such-bucket-here"}, {}, "billing_source.bucket.notfound", "there is no such bucket"),
    ({}, {"access_key_id": "nobody"}, "authentication.credentials.access_key_id", "does not know the access key"),
    ({}, {"secret_access_key": "wrong-secret"}, "authentication.credentials.secret_access_key", "does not belong to the access key"),
    ({"prefix": "elsewhere"}, {}, "aws.report.configuration", "no report is in elsewhere"),
    ({"report": "other"}, {}, "aws.report.configuration", "no report is in other"),
])  # fmt: skip
def test_who_asks_and_the_bucket(
    post: Callable[..., Any],
    store: Store,
    bucket: str,
    place: dict[str, str],
    credentials: dict[str, str],
    field: str,
    said: str,
) -> None:
    found = told(post({"bucket": bucket, **place}, {**store.good, **credentials}))
    assert found[0] == field
    assert said in found[1]
    assert "wrong-secret" not in found[1]


def test_several_reports_must_be_told_apart(
    post: Callable[..., Any], storage: Any, bucket: str, tmp_path: Path
) -> None:
    put(storage, bucket, shutil.copytree(tmp_path / "bucket/cur", tmp_path / "more/other").parent)
    field, said = told(post({"bucket": bucket}))
    assert (field, "several reports (cur, other)" in said) == ("aws.report.configuration", True)
    assert post({"bucket": bucket, "report": "other"}).status_code == 201


def test_a_bucket_with_a_great_many_objects_is_glanced_at(post: Callable[..., Any], storage: Any, bucket: str) -> None:
    change(storage, bucket, billingPeriod={"start": "soon"})
    assert told(post({"bucket": bucket}))[0] == "aws.report.configuration"
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: storage.put_object(Bucket=bucket, Key=f"0/{n}"), range(session.GLANCED_AT)))
    assert told(post({"bucket": bucket, "prefix": "elsewhere"}))[0] == "aws.report.configuration"
    assert post({"bucket": bucket}).status_code == 201, "what is wrong is not among what was seen"


def change(storage: Any, bucket: str, **values: Any) -> None:
    """Change what the newest manifest says."""
    key = max(
        o["Key"] for o in storage.list_objects_v2(Bucket=bucket)["Contents"] if o["Key"].endswith("Manifest.json")
    )
    body = {**json.loads(storage.get_object(Bucket=bucket, Key=key)["Body"].read()), **values}
    storage.put_object(Bucket=bucket, Key=key, Body=json.dumps(body).encode())


@pytest.mark.parametrize(("values", "field", "said"), [
    ({"reportKeys": ["cur/lost.csv.gz"]}, "report.notfound", "names cur/lost.csv.gz, which is not there"),
    ({"columns": [c for c in COLUMNS if c["name"] != "UnblendedCost"]}, "aws.report.configuration",
     "lacks the columns line_item_unblended_cost"),
    ({"columns": [c for c in COLUMNS if c["name"] != "ResourceId"]}, "aws.report.configuration", "has no resource IDs"),
    ({"billingPeriod": {"start": "soon"}}, "aws.report.configuration", "is no manifest"),
])  # fmt: skip
def test_the_report(
    post: Callable[..., Any], storage: Any, bucket: str, values: dict[str, Any], field: str, said: str
) -> None:
    change(storage, bucket, **values)
    found = told(post({"bucket": bucket}))
    assert found[0] == field
    assert said in found[1]


@contextmanager
def definitions(listed: list[dict[str, Any]], status: int = 200) -> Iterator[str]:
    """What AWS says of the reports that are defined; no server that can be installed speaks of them."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            denied = {
                "__type": "AccessDeniedException",
                "Message": "not authorized to perform: cur:DescribeReportDefinitions",
            }
            data = json.dumps({"ReportDefinitions": listed} if status == 200 else denied).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("listed", "status", "field", "said"), [
    ([DEFINED], 200, "", ""),
    ([{**DEFINED, "S3Bucket": "another"}], 200, "aws.report.configuration", "Reports: cur in another"),
    ([], 200, "aws.report.configuration", "Reports: none"),
    ([{**DEFINED, "Compression": "ZIP"}], 200, "aws.report.compression.configuration", "compressed with ZIP"),
    ([{**DEFINED, "AdditionalSchemaElements": []}], 200, "aws.report.configuration", "has no resource IDs"),
    ([], 400, "authentication.role_arn.noreportfound", "access is denied"),
])  # fmt: skip
def test_a_report_that_is_yet_to_come(
    post: Callable[..., Any], storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    listed: list[dict[str, Any]], status: int, field: str, said: str,
) -> None:  # fmt: skip
    bucket = made_bucket(storage)
    with definitions([{**d, "S3Bucket": d["S3Bucket"] or bucket} for d in listed], status) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_COST_AND_USAGE_REPORT_SERVICE", url)
        answer = post({"bucket": bucket})
    if not field:
        assert answer.status_code == 201, answer.text
    else:
        found = told(answer)
        assert found[0] == field
        assert said in found[1]


def test_a_role(post: Callable[..., Any], store: Store, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"role_arn": ROLE, "external_id": "shared", **store.good}
    with ExitStack() as stack:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", stack.enter_context(moto()))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", stack.enter_context(proxy(store.url, store.login)).url)
        assert post({"bucket": bucket}, keys).status_code == 201
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    field, said = told(post({"bucket": "x-" + bucket[:50]}, keys))
    assert field == "authentication.role_arn.unreachable"
    assert ROLE in said
    assert post({"bucket": "not-looked-at", "storage_only": True}, keys).status_code == 201


def test_secrets_are_neither_told_nor_logged(
    settings: Settings, post: Callable[..., Any], store: Store, bucket: str
) -> None:
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "koku", "botocore.endpoint")}
    root.addHandler(handler)
    for name in ("", "koku"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    for noisy in ("botocore", "boto3", "urllib3"):  # what libraries tell at this level is theirs
        logging.getLogger(noisy).setLevel(logging.INFO)
    try:
        secret, token = "very-secret-indeed", "a-token-of-sessions"
        answers = [
            post({"bucket": bucket}), post({"bucket": bucket}),
            post({"bucket": bucket, "report": "x"}, {**store.good, "secret_access_key": secret, "session_token": token}),
            post({"bucket": "s3://bad"}, {**store.good, "secret_access_key": secret}),
            post({"bucket": bucket}, {"access_key_id": "a", "secret_access_key": [secret]}),
        ]  # fmt: skip
        with Koku.open(settings=settings, plugins=Plugins((), extra={"aws": koku_aws})) as koku:
            place = {"bucket": bucket, "prefix": "cur"}
            source = koku.sources.add("AWS", name="wrong", data_source=place, access_key_id=store.login[0], secret_access_key=secret,
                                      session_token=token)  # fmt: skip
            with koku.handle.transaction() as conn:
                from koku_core.jobs.queue import enqueue

                enqueue(
                    conn,
                    koku.handle.name,
                    "refresh",
                    key=source.uuid,
                    source_uuid=source.uuid,
                    arguments={"source": source.uuid},
                )
            koku.work()
            client = TestClient(create_app(koku, identify=lambda _: Identity("default", "tester", EVERYTHING)))
            base = "/api/cost-management/v1/"
            answers += [
                client.get(base + p)
                for p in ("sources/", "jobs/", f"sources/{source.uuid}/", f"sources/{source.uuid}/stats/")
            ]
            assert "does not know the access key" in client.get(base + "jobs/").text, "the job tells what is wrong"
    finally:
        root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    everything = stream.getvalue() + "".join(a.text for a in answers)
    assert "answered" in everything
    for each in (secret, token, store.login[1]):
        assert each not in everything
