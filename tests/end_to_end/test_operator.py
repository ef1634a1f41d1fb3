"""The operator's side: its recorded requests over a socket, from an account to costs, and every payload that it makes."""

from __future__ import annotations

import base64
import contextlib
import csv
import http.client
import io
import json
import random
import re
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn

from koku_core import Koku
from koku_core.accounts import Accounts
from koku_core.api import create_app
from koku_core.settings import Settings
from tests.end_to_end.conftest import Api, header, identity, model

CLUSTER = "b5c0a1de-1111-4222-8333-444455556666"
TENANT = "acme"
REPORTS = "/api/cost-management/v1/reports/openshift/"
JUNE = "?filter[time_scope_value]=-1&filter[time_scope_units]=month&filter[resolution]=monthly"
KIND = "application/vnd.redhat.hccm.tar+tgz"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """In the month of the recorded payloads, with nobody to trust but accounts."""
    return settings.model_copy(
        update={"clock": datetime(2025, 6, 12, 10, tzinfo=UTC), "trust_identity_header": False}
    )  # fmt: skip


@pytest.fixture
def acme(koku: Koku) -> Koku:
    return koku.tenant(TENANT)


@pytest.fixture
def secret(koku: Koku, acme: Koku) -> str:
    return Accounts(koku.services.system).add(acme.handle, "cid")


@pytest.fixture
def port(koku: Koku) -> Iterator[int]:
    """A server that runs on a socket."""
    config = uvicorn.Config(create_app(koku), lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


class Answer:
    """What came back over the socket."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        raw = response.read()
        self.body: Any = json.loads(raw) if raw else None

    @property
    def count(self) -> int:
        found = self.body["meta"]["count"]
        assert type(found) is int
        return found

    def text(self, name: str) -> str:
        """A field that the operator reads as a text; a number would not decode."""
        found = self.body[name]
        assert type(found) is str
        return found


def send(port: int, raw: bytes) -> Answer:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(raw)
        response = http.client.HTTPResponse(connection)
        response.begin()
        with contextlib.closing(response):
            return Answer(response)


class Wire:
    """The recorded requests, with our ids and secrets in place of those of the recorded server."""

    def __init__(self, shared: Path, port: int) -> None:
        self._folder = shared / "inputs" / "operator" / "wire"
        self._port = port

    def raw(self, number: int) -> bytes:
        return (self._folder / f"{number:02}.http").read_bytes()

    def replay(self, number: int, *, authorization: str | None = None, **fields: str) -> Answer:
        head, _, body = self.raw(number).partition(b"\r\n\r\n")
        if authorization:
            head = re.sub(rb"Authorization: [^\r]*", b"Authorization: " + authorization.encode(), head)
        for name, value in fields.items():
            body = re.sub(rb'("?%s"?[=:]"?)[^"&]*' % name.encode(), rb"\g<1>" + value.encode(), body)
        head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head)
        return send(self._port, head + b"\r\n\r\n" + body)

    def token(self, secret: str) -> str:
        answer = self.replay(3, client_secret=secret)
        assert answer.status == 200
        return answer.text("access_token")


@pytest.fixture
def wire(shared: Path, port: int) -> Wire:
    return Wire(shared, port)


def bearer(token: str) -> str:
    return f"Bearer {token}"


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.mark.shared
def test_the_recorded_bytes_as_they_are_belong_to_nobody(wire: Wire, koku: Koku, acme: Koku) -> None:
    acme.handle.ensure()
    for number in (1, 2, 4, 6, 7, 8, 10, 11):
        answer = send(wire._port, wire.raw(number))
        assert (answer.status, answer.body) == (401, None), number
    answer = send(wire._port, wire.raw(3))
    assert answer.status == 401
    assert answer.body == {
        "error": "invalid_client", "error_description": "No account has this client_id and client_secret.",
    }  # fmt: skip
    assert not list(acme.sources)
    assert acme.jobs.count() == 0


@pytest.mark.shared
def test_from_an_account_to_costs(wire: Wire, secret: str, koku: Koku, acme: Koku, shared: Path) -> None:
    token = bearer(wire.token(secret))
    types = wire.replay(5, authorization=token)
    assert (types.count, types.body["data"][0]["id"]) == (1, "1")
    for number in (6, 7, 8):
        assert wire.replay(number, authorization=token).count == 0, "neither the cluster nor the name is known"
    kinds = wire.replay(9, authorization=token)
    assert kinds.count == 1
    made = wire.replay(10, authorization=token)
    assert made.status == 201
    assert (made.text("name"), made.text("source_ref"), made.text("source_type_id")) == ("my cluster", CLUSTER, "1")
    kind = kinds.body["data"][0]["id"]
    assert (type(kind), wire.replay(11, authorization=token).status) == (str, 400), "the ids of another server"
    joined = wire.replay(11, authorization=token, application_type_id=kind, source_id=made.text("id"))
    assert joined.status == 201
    for number in (6, 7, 8):
        assert wire.replay(number, authorization=token).count == 1

    sent = wire.replay(4, authorization=token)
    assert sent.status == 202
    assert sent.headers["x-rh-insights-request-id"] == sent.body["request_id"]
    acme.work()
    assert acme.jobs.count(("failed",)) == 0
    api = Api(create_app(koku), {"authorization": basic("cid", secret)})
    assert api.get(f"http://testserver{REPORTS}compute/").status_code == 403, "the operator's account reads no reports"

    reader = Api(
        api.app, {"authorization": basic("boss", Accounts(koku.services.system).add(acme.handle, "boss", role="admin"))}
    )
    (source,) = reader.data("sources/")
    dates = {"effective_start_date": "2025-01-01", "effective_end_date": "2025-12-31"}
    prices = reader.make("price-lists/", {"name": "2025", "rates": model()["rates"], **dates})
    reader.make("cost-models/", model(rates=[], source_uuids=[source["uuid"]], price_list_uuids=[prices["uuid"]]))
    acme.work()
    total = reader.get(f"reports/openshift/compute/{JUNE}").json()["meta"]["total"]
    used, requested = (cpu_hours(shared, c) for c in ("pod_usage_cpu_core_seconds", "pod_request_cpu_core_seconds"))
    assert total["request"]["value"] == pytest.approx(requested)
    assert total["usage"]["value"] == pytest.approx(used)
    cost = reader.get(f"reports/openshift/costs/{JUNE}").json()["meta"]["total"]["cost"]["total"]["value"]
    assert cost == pytest.approx(capacity(shared) * 0.007), "what no pod used is priced too"


def cpu_hours_of(packages: list[bytes]) -> float:
    """The sum of the requests that packages hold."""
    total = 0.0
    for package in packages:
        with tarfile.open(fileobj=io.BytesIO(package)) as tar:
            for member in tar:
                if "pod-usage" in member.name:
                    lines = io.TextIOWrapper(cast(Any, tar.extractfile(member)))
                    total += sum(
                        float(r["pod_request_cpu_core_seconds"] or 0) for r in csv.DictReader(lines) if r["node"]
                    )
    return total / 3600


def cpu_hours(shared: Path, column: str) -> float:
    """The sum that the operator's own file of that day holds."""
    day = shared / "inputs" / "operator" / "reports_day1" / "cm-openshift-pod-usage-202506.csv"
    with day.open() as file:
        return sum(float(r[column] or 0) for r in csv.DictReader(file) if r["node"]) / 3600


def capacity(shared: Path) -> float:
    """The CPU hours that the nodes of that day had."""
    day = shared / "inputs" / "operator" / "reports_day1" / "cm-openshift-pod-usage-202506.csv"
    with day.open() as file:
        hours = {
            (r["node"], r["interval_start"]): r["node_capacity_cpu_core_seconds"]
            for r in csv.DictReader(file)
            if r["node"]
        }
    return sum(map(float, hours.values())) / 3600


@pytest.mark.shared
def test_uploads_by_basic_and_by_a_token_that_does_not_expire(wire: Wire, secret: str, koku: Koku, acme: Koku) -> None:
    assert wire.replay(2, authorization=basic("cid", secret)).status == 202
    pull_secret = "b3BlbnNoaWZ0LXJlbGVhc2UtZGV2K3NvbWVib2R5OnNlY3JldA=="
    Accounts(koku.services.system).issue("cid", None, token=pull_secret)
    assert wire.replay(1, authorization=bearer(pull_secret)).status == 202
    Accounts(koku.services.system).remove(acme.handle, "cid")
    assert wire.replay(1, authorization=bearer(pull_secret)).status == 401
    assert wire.replay(2, authorization=basic("cid", secret)).status == 401


def test_the_names_of_others_are_their_own(port: int, secret: str, acme: Koku) -> None:
    """Filters are exact: `prod` is not `prod-2`, and a name may hold a comma."""

    def ask(path: str) -> Answer:
        head = f"GET /api/sources/v1.0/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: {basic('cid', secret)}\r\n\r\n"
        return send(port, head.encode())

    acme.sources.add("ocp", name="prod-2", cluster_id="c-2")
    acme.sources.add("ocp", name="prod, 3", cluster_id="c-3")
    for query, count in [("name%5D=prod", 0), ("name%5D=prod-2", 1), ("name%5D=prod%2C+3", 1), ("source_ref%5D=c-2", 1),
                         ("source_ref%5D=C-2", 0), ("source_type_id%5D=1", 2), ("source_type_id%5D=2", 0)]:  # fmt: skip
        assert ask(f"sources?filter%5B{query}").count == count, query
    assert ask("sources").count == 2
    assert ask("source_types?filter%5Bname%5D=nonsense").count == 0


def upload(api: Api, payload: bytes) -> None:
    files = {"file": ("tmp/x-cost-mgmt.tar.gz", payload, KIND)}
    assert api.post("http://testserver/api/ingress/v1/upload", files=files).status_code == 202


@pytest.fixture
def cluster(koku: Koku, acme: Koku, secret: str) -> Api:
    """The operator of a cluster that is registered."""
    acme.sources.add("ocp", name="prod", cluster_id=CLUSTER)
    return Api(create_app(koku), {"authorization": basic("cid", secret)})


def requested(acme: Koku, month: str = "2025-06") -> float:
    """The CPU hours requested in a month, after all that came in was ingested."""
    acme.work()
    assert [j.error for j in acme.jobs.list(("failed",))] == []
    table = acme.daily_summary("prod", datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).date())
    return sum(
        float(r["pod_request_cpu_core_hours"] or 0) for r in table.to_pylist() if "unalloc" not in r["namespace"]
    )


def payloads(shared: Path, kind: str) -> list[bytes]:
    found = sorted((shared / "inputs" / "operator" / f"payload_{kind}").iterdir())
    assert found
    return [p.read_bytes() for p in found]


@pytest.mark.shared
def test_part_of_a_day_then_all_of_it(cluster: Api, acme: Koku, shared: Path) -> None:
    (part,), (full,) = payloads(shared, "no_ros"), payloads(shared, "full_day")  # two hours of the day, and the day
    whole = cpu_hours(shared, "pod_request_cpu_core_seconds")
    upload(cluster, part)
    assert 0 < requested(acme) < whole
    upload(cluster, full)
    assert requested(acme) == pytest.approx(whole)
    upload(cluster, full)
    upload(cluster, part)
    assert requested(acme) == pytest.approx(whole), "neither twice nor less"
    (next_day,) = payloads(shared, "part_day")
    upload(cluster, next_day)
    assert requested(acme) > whole


@pytest.mark.shared
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_split_packages_in_any_order(cluster: Api, acme: Koku, shared: Path, seed: int | None) -> None:
    parts = payloads(shared, "split")
    if seed:
        random.Random(seed).shuffle(parts)
    for part in parts:
        upload(cluster, part)
    assert requested(acme) == pytest.approx(cpu_hours_of(parts))


@pytest.mark.shared
def test_a_package_for_resource_optimization_alone_is_no_failure(cluster: Api, acme: Koku, shared: Path) -> None:
    (package,) = payloads(shared, "ros_only")
    upload(cluster, package)
    assert requested(acme) == 0


def packed(manifest: dict[str, Any], files: dict[str, str]) -> bytes:
    """A package as the operator makes it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as tar:
        for name, content in {**files, "manifest.json": json.dumps(manifest, indent=1)}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            tar.addfile(member, io.BytesIO(content.encode()))
    return made.getvalue()


@pytest.mark.shared
def test_a_package_of_two_months(cluster: Api, acme: Koku, shared: Path) -> None:
    """The last day of May and the first of June, in files of their own; the manifest's times are those of one of them."""
    text = (shared / "inputs" / "operator" / "reports_day1" / "cm-openshift-pod-usage-202506.csv").read_text()
    june = text.replace("2025-06-10 ", "2025-06-01 ")
    may = (
        text.replace("2025-07-01 ", "2025-06-02 ")
        .replace("2025-06-01 ", "2025-05-01 ")
        .replace("2025-06-02 ", "2025-06-01 ")
    )
    may = may.replace("2025-06-10 ", "2025-05-31 ")
    uuid = "7d93402b-0000-4fa3-a6ed-be236c7c7b54"
    files = {
        f"{uuid}-cm-openshift-pod-usage-{m}.{n}.csv": t
        for n, (m, t) in enumerate({"202505": may, "202506": june}.items())
    }
    manifest = {
        "uuid": uuid, "cluster_id": CLUSTER, "version": "06a2a850", "date": "2025-06-02T00:03:00Z", "files": list(files),
        "resource_optimization_files": None, "start": "2025-06-01T00:00:00Z", "end": "2025-06-01T23:59:59Z", "daily_reports": True,
    }  # fmt: skip
    upload(cluster, packed(manifest, files))
    whole = cpu_hours(shared, "pod_request_cpu_core_seconds")
    assert requested(acme) == pytest.approx(whole)
    assert requested(acme, "2025-05") == pytest.approx(whole)


def token(api: Api, status: int, **form: Any) -> Any:
    answer = api.post("http://testserver/auth/token", data=form)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.headers["cache-control"] == "no-store"
    else:
        assert set(answer.json()) == {"error", "error_description"}
    return answer.json()


def test_tokens(koku: Koku, secret: str) -> None:
    api = Api(create_app(koku), {})
    good = {"client_id": "cid", "client_secret": secret, "grant_type": "client_credentials", "scope": "api.console"}
    given = token(api, 200, **good)
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 3600)
    assert token(api, 200, **good)["access_token"] != given["access_token"]
    assert token(api, 400, **{**good, "grant_type": "password"})["error"] == "unsupported_grant_type"
    assert token(api, 400, **{**good, "client_secret": ""})["error"] == "invalid_request"
    assert token(api, 400)["error"] == "unsupported_grant_type"
    for wrong in (
        {"client_secret": secret[:-1]},
        {"client_id": "nobody"},
        {"client_id": "c\x00"},
        {"client_id": "'; --"},
    ):
        assert token(api, 400 if "\x00" in wrong.get("client_id", "") else 401, **{**good, **wrong})[
            "error"
        ].startswith("invalid_")
    sent = api.post("http://testserver/auth/token", content=b"{", headers={"content-type": "application/json"})
    assert (sent.status_code, sent.json()["error"]) == (400, "invalid_request")
    by_basic = Api(api.app, {"authorization": basic("cid", secret)})
    assert token(by_basic, 200, grant_type="client_credentials")["access_token"]
    assert api.get("http://testserver/auth/token").status_code == 405

    known = Api(api.app, {"authorization": bearer(given["access_token"])})
    assert known.get("sources/").status_code == 200
    with koku.services.system.connection() as conn:
        conn.execute("UPDATE account_token SET expires = now() - interval '1 second'")
    refused = known.get("sources/")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


def test_a_secret_is_stored_nowhere(koku: Koku, secret: str) -> None:
    api = Api(create_app(koku), {})
    form = {"client_id": "cid", "client_secret": secret, "grant_type": "client_credentials"}
    given = token(api, 200, **form)["access_token"]
    with koku.services.system.connection() as conn:
        stored = repr(
            [conn.execute(f"SELECT t::text, t.* FROM {t} t").fetchall() for t in ("account", "account_token")]
        )
    for hidden in (secret, given):
        assert hidden not in stored
        assert hidden.encode().hex() not in stored


@pytest.mark.parametrize(
    "sent",
    ["Basic", "Basic !!!", "Basic Y2lk", "Basic Y2lkOg==", "Bearer", "Bearer ", "Bearer é", "Bearer " + "x" * 9000, "Digest a",
     "Basic /w==", "Basic AAA6AAA=", "Bearer \x00"],
)  # fmt: skip
def test_whoever_is_nobody_is_turned_away(koku: Koku, secret: str, sent: str) -> None:
    answer = Api(create_app(koku), {}).get("sources/", headers={b"authorization": sent.encode("latin-1")})
    assert (answer.status_code, answer.text) == (401, "")


def test_the_header_is_trusted_only_where_it_is_meant_to_be(koku: Koku, secret: str) -> None:
    both = {**header(identity()), "authorization": basic("cid", secret)}
    assert Api(create_app(koku), header(identity())).get("sources/").status_code == 401
    assert Api(create_app(koku), both).get("sources/").status_code == 200, "by its account"
    trusting = Koku.open(settings=koku.services.settings.model_copy(update={"trust_identity_header": True}))
    with trusting:
        app = create_app(trusting)
        assert Api(app, header(identity())).get("cost-models/").status_code == 200
        assert Api(app, both).get("cost-models/").status_code == 200, "as the gateway says"
        assert Api(app, {"authorization": both["authorization"]}).get("sources/").status_code == 200


def test_roles(koku: Koku, acme: Koku) -> None:
    accounts = Accounts(koku.services.system)
    app = create_app(koku)
    can = {}
    uuid = acme.sources.add("ocp", name="prod", cluster_id="c").uuid
    for number, role in enumerate(("operator", "reader", "admin")):
        api = Api(app, {"authorization": basic(role, accounts.add(acme.handle, role, role=role))})
        cluster = {"name": f"c{number}", "source_ref": f"c{number}", "source_type_id": "1"}
        can[role] = [
            api.get("sources/").status_code, api.get("reports/openshift/costs/").status_code,
            api.post("cost-models/", json=model(role)).status_code,
            api.post("http://testserver/api/sources/v1.0/sources", json=cluster).status_code,
            api.post("http://testserver/api/ingress/v1/upload", files={"file": ("p", b"", KIND)}).status_code,
            api.patch(f"sources/{uuid}/", json={"name": role}).status_code, api.delete(f"sources/{uuid}/").status_code,
        ]  # fmt: skip
    assert can == {
        "operator": [200, 403, 403, 201, 202, 403, 403], "reader": [200, 200, 403, 403, 403, 403, 403],
        "admin": [200, 200, 201, 201, 202, 200, 204],
    }  # fmt: skip


def test_guessing_is_slow_and_disturbs_nobody_else(koku: Koku, secret: str) -> None:
    api = Api(create_app(koku), {})
    right = {"authorization": basic("cid", secret)}
    assert api.get("sources/", headers=right).status_code == 200
    waits = []
    for guess in range(4):
        begun = time.monotonic()
        assert api.get("sources/", headers={"authorization": basic("cid", f"guess{guess}")}).status_code == 401
        waits.append(time.monotonic() - begun)
    assert waits[-1] > 0.8
    assert waits == sorted(waits)
    begun = time.monotonic()
    assert api.get("sources/", headers=right).status_code == 200
    assert time.monotonic() - begun < waits[-1] / 2


def test_accounts_of_a_tenant(koku: Koku, acme: Koku, secret: str) -> None:
    from koku_core.errors import InvalidInput, UnknownName

    accounts = Accounts(koku.services.system)
    other = koku.tenant("other")
    assert [(a.name, a.tenant, a.role) for a in accounts.list(acme.handle)] == [("cid", "acme", "operator")]
    assert accounts.list(other.handle) == []
    for name, more in [("cid", {}), ("a b", {}), ("", {}), ("a:b", {}), ("x", {"role": "god"}), ("x", {"secret": "short"}),
                       ("x", {"secret": "é" * 20})]:  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            accounts.add(other.handle, name, **cast(Any, more))
        assert more.get("secret", "~") not in str(refused.value)
    for name in ("cid", "nobody"):
        with pytest.raises(UnknownName):
            accounts.remove(other.handle, name)
    with pytest.raises(UnknownName):
        accounts.issue("nobody")
    koku.services.system.delete_tenant("acme")
    assert accounts.stored("cid")[0] is None
