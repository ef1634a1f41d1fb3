"""Hostile and random requests: no 5xx, answers as openapi.json describes them, and nothing of others or of secrets in answers or logs."""

from __future__ import annotations

import base64
import contextlib
import io
import itertools
import json
import logging
import random
import tarfile
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as effort
from plugins.koku_ocp.tests.payloads import CLUSTER, at, manifest, payload, pod, table, tarball
from psycopg import sql
from pydantic import SecretStr
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup

from koku_core import Koku
from koku_core.accounts import Accounts
from koku_core.api import create_app, doorkeeper
from koku_core.settings import Settings
from koku_ocp.reports import POD
from tests.end_to_end.conftest import BASE, Api, cluster, header, identity, model
from tests.end_to_end.test_api_robustness import BODIES, spoiled

pytestmark = pytest.mark.slow
KIND = "application/vnd.redhat.hccm.tar+tgz"
UPLOAD = "http://testserver/api/ingress/v1/upload"
CHECKED = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
           "response_schema_conformance")  # fmt: skip
MONTHS = "filter[time_scope_value]=-1&filter[time_scope_units]=month"
HOSTILE = [
    "'; DROP SCHEMA koku CASCADE; --", '"; DROP TABLE source; --', "%s %(x)s {} {{ 1/0 }} $1", "a\x00b", "\U0001d49eost \U0001f4b8 \xe9",
    "x" * 10_000, "../../etc/passwd", "a/b\\c", "tag:x", "and:or:", "\r\nx-evil: 1", "\u202e\ufeff", "none?", "\\'", "[]", " ", "*", "-",
    "\ud7ff", "]=1&x[",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def upload(api: Api, content: bytes) -> int:
    return api.post(UPLOAD, files={"file": ("tmp/p.tar.gz", content, KIND)}).status_code


@dataclass
class Seeded:
    """A tenant with something of everything, all of it marked."""

    koku: Koku
    api: Api
    mark: str
    ids: dict[str, str] = field(default_factory=dict)

    def fill(self, folder: Path) -> Seeded:
        source = cluster(self.api, f"{self.mark}-cluster", f"{self.mark}-source")
        labels = f"label_{self.mark}:{self.mark}-value"
        rows = [pod(h, namespace=f"{self.mark}-space", node=f"{self.mark}-node", pod_labels=labels, pod_usage_cpu_core_seconds=3600,
                    node_capacity_cpu_cores=4, node_capacity_cpu_core_seconds=14400) for h in range(3)]  # fmt: skip
        package = payload(folder / f"{self.mark}.tar.gz", {POD: rows}, cluster_id=f"{self.mark}-cluster")
        assert upload(self.api, package.read_bytes()) == 202
        self.koku.work()
        made = self.api.make("cost-models/", model(f"{self.mark}-model", source_uuids=[source["uuid"]]))
        (prices,) = self.api.data("price-lists/")
        self.koku.work()
        tags = self.api.data("settings/tags/")
        self.ids = {"source": source["uuid"], "model": made["uuid"], "prices": prices["uuid"], "tag": tags[0]["uuid"],
                    "number": source["id"], "job": str(self.koku.jobs.list()[0].id)}  # fmt: skip
        assert self.api.put("settings/tags/enable/", json={"ids": [self.ids["tag"]]}).status_code == 204
        self.koku.work()
        return self


@pytest.fixture
def mine(api: Api, org: Koku, folder: Path) -> Seeded:
    return Seeded(org, api, "mine").fill(folder)


def bodies(ids: Mapping[str, str]) -> list[Any]:
    """Bodies that some resource understands, with ids that exist."""
    own = [
        {**BODIES["cost-models/"], "source_uuids": [ids["source"]]},
        {**BODIES["applications"], "source_id": ids["number"]},
    ]
    project = {"projects": [{"project": "mine-space", "group": "Platform"}]}
    return [
        *BODIES.values(), *own, {"ids": [ids["tag"]]}, {"parent": ids["tag"], "children": [ids["tag"]]}, project, project["projects"],
        {"currency": "EUR"}, {"data_retention_months": 6}, {"cost_type": "unblended_cost"}, {"paused": True}, {"enabled": False},
        {"base_currency": "USD", "target_currency": "EUR", "exchange_rate": "0.9", "start_date": "2026-11-01", "end_date": "2026-11-30"},
    ]  # fmt: skip


def test_answers_are_as_described(mine: Seeded) -> None:
    """Every operation, with what the description allows, and half of the time with ids that exist and bodies that make sense."""
    schema = schemathesis.openapi.from_asgi(f"{BASE}openapi.json", mine.api.app)
    operations = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]  # each is found or an error, which raises
    assert len(operations) > 60
    operations.sort(key=lambda o: o.method.upper() == "DELETE")  # what they name should be there for the others
    failures: dict[str, str] = {}
    for operation in operations:
        failures |= fuzzed(operation, mine, random.Random(operation.label))
    assert not failures, "\n".join(f"{what}\n    {how}" for what, how in failures.items())


def fuzzed(operation: Any, mine: Seeded, chance: random.Random) -> dict[str, str]:
    checks = [c for c in CHECKS.get_all() if c.__name__ in CHECKED]
    failures: dict[str, str] = {}

    @effort(max_examples=20, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        if chance.random() < 0.7:
            made_sensible(case, mine.ids, chance)
        try:
            case.call_and_validate(headers=header(identity()), checks=checks)
        except FailureGroup as group:
            for failure in group.exceptions:
                failures[f"{operation.label}: {failure}"[:400]] = case.as_curl_command()[:400]

    check()
    return failures


def made_sensible(case: Any, ids: Mapping[str, str], chance: random.Random) -> None:
    for name in case.path_parameters or {}:
        case.path_parameters[name] = chance.choice([*ids.values(), "EUR", "currency", "cost-type", "mine"])
    if case.method.upper() in ("POST", "PUT", "PATCH"):
        body = chance.choice(bodies(ids))
        case.body = json.loads(json.dumps(spoiled(body, chance) if chance.random() < 0.5 else body))
        case.media_type = "application/json"


# starlette leaves the file of a part that is cut off to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_operators_call_bears_any_bytes(mine: Seeded, folder: Path) -> None:
    chance = random.Random(4)
    package = payload(folder / "p.tar.gz", {POD: [pod(0)]}, cluster_id="mine-cluster").read_bytes()
    whole = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="tmp/p.tar.gz"\r\nContent-Type: ' + KIND.encode()
        + b"\r\n\r\n" + package + b"\r\n--b--\r\n"
    )  # fmt: skip
    form = b"client_id=cid&client_secret=csec&grant_type=client_credentials&scope=api.console"
    source = b'{"name":"c","source_ref":"c","source_type_id":"1"}'
    calls = [
        ("api/ingress/v1/upload", whole, "multipart/form-data; boundary=b"), ("auth/token", form, "application/x-www-form-urlencoded"),
        ("api/sources/v1.0/sources", source, "application/json"), ("api/sources/v1.0/applications", source, "application/json"),
    ]  # fmt: skip
    for path, body, kind in calls:
        for number in range(40):
            raw, said = mangled(body, chance), kind.encode() if number % 4 else mangled(kind.encode(), chance)
            answer = mine.api.post(f"http://testserver/{path}", content=raw, headers={b"content-type": said})
            assert answer.status_code < 500, (path, raw[:300], said)
    for number in range(40):
        query = mangled(b"filter[name]=c&filter[source_ref]=c&filter[source_type_id]=1", chance).decode("latin-1")
        answer = mine.api.get(f"http://testserver/api/sources/v1.0/sources?{quote(query, safe='=&[]')}")
        assert answer.status_code in (200, 400), (number, query)
    mine.koku.work()
    assert mine.koku.jobs.count(("waiting", "running")) == 0


def mangled(raw: bytes, chance: random.Random) -> bytes:
    """The same with some bytes changed, and cut off somewhere now and then."""
    made = bytearray(raw)
    for _ in range(chance.randrange(1, 6)):
        made[chance.randrange(min(len(made), 400))] = chance.randrange(1, 256)
    return bytes(made[: chance.randrange(len(made))] if chance.random() < 0.3 else made)


def test_hostile_names_are_only_names(mine: Seeded, koku: Koku) -> None:
    api = mine.api
    before = counts(koku)
    for text in HOSTILE:
        for path in asking(text):
            assert api.get(path).status_code < 500, path
        for number, (verb, path, body) in enumerate(naming(text)):
            answer = api.request(verb, path, json=body)
            assert answer.status_code < 500, (verb, path, text[:50])
            if answer.status_code == 201 and body.get("name") == text:
                assert answer.json()["name"] == text.strip(), number
        stranger = Api(api.app, header(identity(org_id=text)))
        assert stranger.get("sources/").status_code == 401, "no tenant can be named so"
    after = counts(koku)
    assert {t: n for t, n in after.items() if t in before and n < before[t]} == {}
    assert set(after) >= set(before)
    assert [s["name"] for s in api.data("sources/?name=mine-source")] == ["mine-source"]


def asking(text: str) -> Iterator[str]:
    """Questions with a text wherever one can be, except what cannot be sent."""
    quoted = quote(text, safe="")
    for report in ("costs", "compute", "volumes"):
        for query in ([("filter[project]", text)], [("group_by[tag:" + text + "]", "*")], [("group_by[" + text + "]", "*")],
                      [("exclude[cluster]", text)], [("filter[tag:" + text + "]", text)], [("order_by[" + text + "]", "asc")],
                      [("currency", text)], [(text, text)], [("group_by[and:project]", text)], [("start_date", text)],
                      [("delta", text)], [("filter[limit]", text)], [("limit", text), ("offset", text)]):  # fmt: skip
            yield f"reports/openshift/{report}/?{urlencode(query)}"
    for rest in (
        "tags/openshift/{}/",
        "sources/{}/",
        "cost-models/{}/",
        "price-lists/{}/",
        "{}",
        "jobs/{}/cancel/",
        "account-settings/{}/",
    ):
        yield rest.format(quoted)
    for path in ("sources/?name={}", "sources/?type={}", "settings/tags/?filter[key]={}", "resource-types/openshift-projects/?search={}",
                 "price-lists/?filter[name]={}", "cost-models/?name={}", "cost-models/?ordering={}", "jobs/?filter[state]={}",
                 "jobs/?filter[source_uuid]={}", "user-access/?type={}", "metrics/?source_type={}"):  # fmt: skip
        yield path.format(quoted)


def naming(text: str) -> Iterator[tuple[str, str, Any]]:
    """Things that are called by a text."""
    yield (
        "POST",
        "sources/",
        {"name": text, "source_type": "OCP", "authentication": {"credentials": {"cluster_id": "c-" + text}}},
    )
    yield "POST", "sources/", {"name": "n", "source_type": text, "source_type_id": text, "source_ref": text}
    yield "POST", "cost-models/", model(text, description=text)
    tagged = {"metric": {"name": "cpu_core_usage_per_hour"}, "tag_rates": {"tag_key": text, "tag_values": [
        {"tag_value": text, "value": 1, "unit": "USD", "default": False}]}}  # fmt: skip
    yield "POST", "cost-models/", model("tagged", rates=[tagged])
    yield "POST", "cost-models/", model("s", source_uuids=[text], price_list_uuids=[text])
    yield "PUT", "settings/cost-groups/add/", {"projects": [{"project": text, "group": text}]}
    yield "PUT", "settings/tags/enable/", {"ids": [text]}
    yield "POST", f"settings/currency/enabled/{quote(text, safe='')}/", {}
    yield "POST", "applications", {"source_id": text, "application_type_id": text}


def counts(koku: Koku) -> dict[str, int]:
    """The number of rows of every table."""
    with koku.services.system.connection() as conn:
        names = conn.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information)'"
        ).fetchall()
        return {".".join(n): conn.execute(psycopg.sql.SQL("SELECT count(*) FROM {}").format(psycopg.sql.Identifier(*n))).fetchall()[0][0]
                for n in names}  # fmt: skip


def test_hostile_names_in_data_come_out_as_they_went_in(api: Api, org: Koku, folder: Path) -> None:
    names = [t for t in HOSTILE if not {"\x00", "\r"} & set(t) and t.strip() and len(t) < 1000]
    rows = [pod(0, name=f"p{n}", namespace=t, node=t, pod_labels=f"label_{t}:{t}", pod_usage_cpu_core_seconds=3600,
                node_capacity_cpu_cores=4, node_capacity_cpu_core_seconds=14400) for n, t in enumerate(names)]  # fmt: skip
    cluster(api, CLUSTER)
    assert upload(api, payload(folder / "p.tar.gz", {POD: rows}).read_bytes()) == 202
    org.work()
    assert [j.error for j in org.jobs.list(("failed",))] == []
    answer = api.get(
        f"reports/openshift/compute/?{MONTHS}&group_by[project]=*&filter[resolution]=monthly&filter[limit]=1000&limit=1000"
    )
    found = {p["project"] for month in answer.json()["data"] for p in month["projects"]}
    assert found >= set(names)
    for name in names:
        query = urlencode([("filter[exact:project]", name), ("group_by[project]", "*")])
        answer = api.get(f"reports/openshift/compute/?{MONTHS}&{query}")
        assert answer.status_code == 200, (name, answer.text)
    keys = api.data("settings/tags/?limit=100")
    assert api.put("settings/tags/enable/", json={"ids": [k["uuid"] for k in keys]}).status_code == 204
    org.work()
    for row in api.data(f"tags/openshift/?{MONTHS}&limit=100"):
        quoted = quote(row["key"], safe="")
        for path in (f"tags/openshift/{quoted}/", f"reports/openshift/compute/?group_by[tag:{quoted}]=*"):
            assert api.get(path).status_code < 500, path


def test_another_tenant_sees_nothing(mine: Seeded, koku: Koku, folder: Path) -> None:
    """Whatever it asks for, and though it knows every id."""
    theirs = Seeded(koku.tenant("org777"), Api(mine.api.app, header(identity("777"))), "theirs").fill(folder)
    before = snapshot(mine)
    document = theirs.api.get("openapi.json").json()
    for path, operations in document["paths"].items():
        for verb, where in itertools.product(operations, places(path, mine.ids)):
            for body in [None] if verb in ("get", "delete") else bodies(mine.ids):
                answer = theirs.api.request(verb, where.lstrip("/"), **({} if body is None else {"json": body}))
                assert answer.status_code < 500, (verb, where)
                sent = json.dumps(body)  # an answer may repeat what was asked
                assert not [m for m in MARKS if m in answer.text and m not in sent], (verb, where, answer.text)
    everything = "&".join(f"{kind}[{what}]={value}" for kind, what, value in (
        ("filter", "project", "mine-space"), ("filter", "cluster", "mine-cluster"), ("filter", "tag:mine", "*")))  # fmt: skip
    for query in ("group_by[project]=*", "group_by[cluster]=*", "group_by[node]=*", "group_by[tag:mine]=*", everything):
        for report in ("costs", "compute", "memory", "volumes"):
            rows = theirs.api.get(f"reports/openshift/{report}/?{MONTHS}&{query}").json().get("data")
            assert "mine-" not in json.dumps(rows), (report, query)
            own = mine.api.get(f"reports/openshift/{report}/?{MONTHS}&group_by[project]=*").json()["data"]
            assert ("mine-space" in json.dumps(own)) == (report != "volumes"), "there is something to see"
    assert (
        upload(theirs.api, payload(folder / "x.tar.gz", {POD: [pod(0)]}, cluster_id="mine-cluster").read_bytes()) == 202
    )
    theirs.koku.work()
    assert snapshot(mine) == before


#: What the first tenant has and the second must not see.
MARKS = [f"mine-{what}" for what in ("cluster", "source", "space", "node", "model", "value")]


def places(path: str, ids: Mapping[str, str]) -> list[str]:
    """A path of the description with each of some ids."""
    if "{" not in path:
        return [path]
    head, tail = path.partition("{")[0], path.rpartition("}")[2]
    return [head + i + tail for i in ids.values()]


def snapshot(tenant: Seeded) -> Any:
    paths = (
        "sources/",
        "cost-models/",
        "price-lists/",
        "settings/tags/",
        f"reports/openshift/costs/?{MONTHS}&group_by[project]=*",
    )
    return [tenant.api.get(path).json()["data"] for path in paths]


@contextlib.contextmanager
def user_of_database(dsn: str, password: str) -> Iterator[str]:
    """A database user of this password, and the DSN to be it."""
    name = f"koku_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(
            sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(password))
        )
        try:
            yield psycopg.conninfo.make_conninfo(dsn, user=name, password=password)
        finally:
            conn.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(sql.Identifier(name)))
            conn.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_secrets_are_in_no_answer_and_no_log(
    settings: Settings, dsn: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(doorkeeper, "LONGEST_WAIT_S", 0.1)
    password, wrong = "s3ntinel-of-the-database", "s3ntinel-that-is-wrong"
    said = []
    with (
        user_of_database(dsn, password) as url,
        Koku.open(settings=settings.model_copy(update={"database_url": SecretStr(url)})) as koku,
    ):
        secret = Accounts(koku.services.system).add(koku.tenant("acme").handle, "ann", role="admin")
        api = Api(create_app(koku), {})
        for name, given_secret in (("ann", secret), ("ann", wrong), ("nobody", wrong), (wrong, wrong)):
            form = {"client_id": name, "client_secret": given_secret, "grant_type": "client_credentials"}
            said += [
                api.post("http://testserver/auth/token", data=form),
                api.post("http://testserver/auth/token", json=form),
            ]
            authorization = "Basic " + base64.b64encode(f"{name}:{given_secret}".encode()).decode()
            said += [
                api.get(path, headers={"authorization": authorization})
                for path in ("sources/", "sources/x/", "nonsense")
            ]
        tokens = [r.json()["access_token"] for r in said if "access_token" in r.text]
        assert tokens
        said += [api.get("sources/", headers={"authorization": f"Bearer {t}"}) for t in (*tokens, wrong)]
        answers = repr([(r.status_code, dict(r.headers), r.text) for r in said if "access_token" not in r.text])
    lost = api.get("sources/", headers={"authorization": f"Bearer {tokens[0]}"})
    assert lost.status_code in (424, 500), "the database is gone"
    for hidden in (password, secret, wrong, *tokens):
        assert hidden not in answers + lost.text + repr(dict(lost.headers))
        assert hidden not in caplog.text


def member(name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """A package with a manifest and one member more."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as tar:
        for each, content in (
            ("pod_usage.csv", table(POD, [pod(0)])),
            ("manifest.json", json.dumps(manifest(["pod_usage.csv"])).encode()),
        ):
            info = tarfile.TarInfo(each)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        bad = tarfile.TarInfo(name)
        bad.type, bad.linkname, bad.size = kind, link, len(data) if kind == tarfile.REGTYPE else 0
        tar.addfile(bad, io.BytesIO(data))
    return made.getvalue()


def bomb() -> bytes:
    squeeze = zlib.compressobj(9, wbits=31)
    info = tarfile.TarInfo("bomb")
    info.size = 1 << 40
    return (
        squeeze.compress(info.tobuf())
        + b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(200))
        + squeeze.flush()
    )


def spoiled_manifest(folder: Path, raw: bytes) -> bytes:
    return tarball(folder / "m.tar.gz", {"pod_usage.csv": table(POD, [pod(0)]), "manifest.json": raw}).read_bytes()


def hostile(folder: Path) -> dict[str, bytes]:
    """Packages that must not be read."""
    good = payload(folder / "good.tar.gz", {POD: [pod(0)]}).read_bytes()
    unreadable = payload(folder / "bad.tar.gz", {POD: [at(0, pod="p", pod_usage_cpu_core_seconds="much")]}).read_bytes()
    return {
        "out": member("../../evil"), "absolute": member("/evil"), "windows": member("a\\..\\evil"),
        "symlink": member("l", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        "hard link": member("h", kind=tarfile.LNKTYPE, link="/etc/passwd"),
        "device": member("d", kind=tarfile.CHRTYPE), "pipe": member("f", kind=tarfile.FIFOTYPE), "twice": member("manifest.json", b"{}"),
        "bomb": bomb(), "empty": b"", "no archive": b"hello" * 1000, "truncated": good[: len(good) // 2], "cut": good[:-9],
        "no manifest": tarball(folder / "n.tar.gz", {"a.csv": b"a"}).read_bytes(),
        "no JSON": spoiled_manifest(folder, b"{nope"), "a list": spoiled_manifest(folder, b"[]"),
        "deep": spoiled_manifest(folder, b"[" * 99999),
        "null": spoiled_manifest(folder, json.dumps(manifest(["a"], cluster_id="a\x00b")).encode()),
        "unsafe cluster": spoiled_manifest(folder, json.dumps(manifest(["a"], cluster_id="../../x")).encode()),
        "unsafe uuid": spoiled_manifest(folder, json.dumps(manifest(["a"], uuid="../../x")).encode()),
        "unsafe file": spoiled_manifest(folder, json.dumps(manifest(["../../x.csv"])).encode()),
        "long": spoiled_manifest(folder, json.dumps(manifest(["a"], cluster_id="x" * 10_000_000)).encode()),
        "no number": unreadable,
    }  # fmt: skip


def stored(koku: Koku) -> int:
    """How many months of line items the lake holds."""
    datasets = koku.services.plugins.provider("ocp").provider.datasets
    (source,) = koku.sources
    return len(koku.services.lake.months(koku.handle.name, datasets, source.uuid))


def test_hostile_archives_are_kept_apart(api: Api, org: Koku, folder: Path, settings: Settings) -> None:
    cluster(api, CLUSTER)
    packages = hostile(folder)
    for number, (name, package) in enumerate(packages.items(), 1):
        assert upload(api, package) == 202, name
        org.work()
        newest = api.data("jobs/")[0]
        assert org.jobs.count() == number, name
        assert (newest["state"], bool(newest["error"])) == ("failed", True), name
        assert "Traceback" not in newest["error"]
    assert org.daily_summary("prod", org.services.clock.today().replace(day=1)).num_rows == 0
    assert stored(org) == 0, "nothing of them is in the lake"
    assert not list(settings.data_dir.parent.rglob("*evil*"))
    good = payload(folder / "good.tar.gz", {POD: [pod(0, pod_usage_cpu_core_seconds=3600)]}).read_bytes()
    assert upload(api, good) == 202, "what comes after them is ingested as ever"
    org.work()
    assert api.data("jobs/")[0]["state"] == "done"
    assert stored(org) == 1
