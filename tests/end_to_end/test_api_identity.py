"""Who is asking, and what follows from it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from koku_core import Koku
from koku_core.access import EVERYTHING, Access, Identity
from koku_core.api import NoAccess, NotIdentified, create_app
from tests.end_to_end.conftest import BASE, Api, header, identity, model

LIST = "cost-models/"


def changed(**of_identity: Any) -> dict[str, Any]:
    made = identity()
    made["identity"] = {k: v for k, v in {**made["identity"], **of_identity}.items() if v is not ...}
    return made


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-rh-identity": "!!!notbase64"}, 403),
        ({"x-rh-identity": "e30"}, 403),
        ({"x-rh-identity": base64.b64encode(b"{nope").decode()}, 401),
        ({"x-rh-identity": base64.b64encode(b"\xff\xfe").decode()}, 401),
        ({"x-rh-identity": base64.b64encode(b"[" * 10000).decode()}, 401),
        (header({}), 403),
        (header([1]), 403),
        (header({"identity": identity()["identity"]}), 403),
        (header({**identity(), "entitlements": {"cost_management": {"is_entitled": False}}}), 403),
        (header(changed(org_id=...)), 401),
        (header(changed(org_id="12; DROP SCHEMA koku")), 401),
        (header(changed(org_id="x" * 60)), 401),
        (header(changed(user={"email": "a@b.c", "is_org_admin": True})), 401),
        (header(changed(user={"username": "jane", "is_org_admin": True})), 401),
        (header(changed(type="System")), 401),
        (header(changed(type="System", service_account={"username": "robot"})), 403),
        (header(identity(access={})), 403),
        (header(identity()), 200),
        (header(changed(type=...)), 200),
        (header(changed(account_number=...)), 200),
        (header(changed(user={"username": "jane", "email": "", "is_org_admin": True})), 200),
    ],
)
def test_the_header_decides(api: Api, headers: dict[str, str], status: int) -> None:
    response = Api(api.app, headers).get(LIST)
    assert response.status_code == status
    if status != 200:
        assert response.headers["content-type"].startswith("text/html")
    if status == 401:
        assert response.text == ""


@pytest.mark.parametrize("path", ["status/", "openapi.json", "source_types", "application_types"])
def test_some_paths_ask_nobody_who_they_are(api: Api, path: str) -> None:
    assert Api(api.app, {}).get(path).status_code == 200


def test_nobody_without_an_identity_learns_what_is_not_there(api: Api) -> None:
    assert Api(api.app, {}).get("nonsense/").status_code == 401
    assert api.get("nonsense/").status_code == 404


@pytest.mark.parametrize(
    ("lists", "readable", "hidden"),
    [
        (
            {"openshift.cluster": {"read": ["a"]}},
            ["user-access/", "currency/"],
            [LIST, "sources/", "jobs/", "price-lists/"],
        ),
        ({"cost_model": {"read": ["*"]}}, [LIST, "price-lists/"], ["sources/", "jobs/"]),
        ({"sources": {"read": ["*"]}}, ["sources/", "jobs/", "applications"], [LIST]),
        ({"sources": {"read": ["x"]}}, [], ["sources/", "jobs/"]),
        ({"sources": {"write": ["*"]}}, ["sources/"], [LIST]),
        ({"*": {"read": ["*"]}}, [LIST, "sources/", "jobs/"], []),
    ],
)
def test_access_lists_open_what_they_name(api: Api, lists: Any, readable: list[str], hidden: list[str]) -> None:
    caller = api.of(access=lists)
    for path in readable:
        assert caller.get(path).status_code == 200, path
    for path in hidden:
        assert caller.errors("GET", path, 403) == [("You do not have permission to perform this action.", "detail")]


def test_reading_is_not_writing(api: Api) -> None:
    reader = api.of(access={"cost_model": {"read": ["*"]}, "sources": {"read": ["*"]}})
    assert reader.post(LIST, json=model()).status_code == 403
    assert reader.post("price-lists/", json={}).status_code == 403
    assert reader.post("sources/", json={}).status_code == 403
    assert api.data(LIST) == []


def test_a_list_of_cost_models_shows_and_changes_those_alone(api: Api) -> None:
    mine, other = (api.make(LIST, model(name))["uuid"] for name in ("mine", "other"))
    caller = api.of(access={"cost_model": {"read": [mine], "write": [mine]}})
    assert [m["uuid"] for m in caller.data(LIST)] == [mine]
    assert caller.get(f"{LIST}{mine}/").status_code == 200
    assert caller.get(f"{LIST}{other}/").status_code == 404
    assert caller.put(f"{LIST}{mine}/", json=model("renamed")).status_code == 200
    assert caller.put(f"{LIST}{other}/", json=model("renamed")).status_code == 403
    assert caller.delete(f"{LIST}{other}/").status_code == 403
    assert caller.post(LIST, json=model()).status_code == 403


def test_whoever_may_use_nothing_still_learns_that(api: Api) -> None:
    rows = api.of(access={}).data("user-access/")
    assert {r["type"]: (r["access"], r["write"]) for r in rows}["any"] == (False, False)
    only = api.of(access={"openshift.project": {"read": ["shop"]}})
    assert {r["type"] for r in only.data("user-access/") if r["access"]} == {"ocp", "any"}
    assert api.get("user-access/?type=OCP").json() == {"data": True, "access": True, "write": True}
    assert api.get("user-access/?beta=true").json() == {"data": False}
    refused = api.get("user-access/?type=nonsense")
    assert (refused.status_code, refused.json()) == (400, ["Unknown source type: nonsense"])


def test_a_caller_of_the_library_says_who_is_asking(koku: Koku) -> None:
    def sync(request: Request) -> Identity:
        if request.headers.get("x-user") == "unknown":
            raise NotIdentified("x-user is unknown")
        if request.headers.get("x-user") == "guest":
            raise NoAccess("guests see nothing")
        return Identity("acme", request.headers["x-user"], EVERYTHING)

    async def later(request: Request) -> Identity:
        return sync(request)

    for identify in (sync, later):
        app = create_app(koku, identify=identify)
        assert Api(app, {"x-user": "jane"}).get(LIST).status_code == 200
        assert Api(app, {"x-user": "unknown"}).get(LIST).status_code == 401
        assert Api(app, {"x-user": "guest"}).get(LIST).status_code == 403
    Api(create_app(koku, identify=sync), {"x-user": "jane"}).make(LIST, model())
    assert len(koku.tenant("acme").cost_models.list()) == 1


def test_mounted_below_a_prefix(koku: Koku) -> None:
    app = Starlette(routes=[Mount("/costs", create_app(koku))])
    caller = Api(app)
    response = caller.get(f"http://testserver/costs{BASE}cost-models/")
    assert response.json()["links"]["first"] == f"/costs{BASE}cost-models/?limit=10&offset=0"
    assert caller.get(f"http://testserver/costs{BASE}metrics").headers["location"] == f"/costs{BASE}metrics/"


def test_an_access_without_lists_of_the_library_is_no_access(koku: Koku) -> None:
    app = create_app(koku, identify=lambda _: Identity("acme", "jane", Access()))
    assert Api(app, {}).get(LIST).status_code == 403
