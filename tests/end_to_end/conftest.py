"""The API over a database and a lake of the test's own, and callers of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from koku_core import Koku
from koku_core.api import create_admin_app, create_app

BASE = "/api/cost-management/v1/"
Lists = dict[str, dict[str, list[str]]]


def identity(org_id: str = "1234567", access: Lists | None = None) -> dict[str, Any]:
    """What the identity header holds: an admin, or somebody with these access lists."""
    user = {"username": "jane", "email": "jane@x.io", "is_org_admin": access is None, "access": access or {}}
    return {
        "identity": {"account_number": "10001", "org_id": org_id, "type": "User", "user": user},
        "entitlements": {"cost_management": {"is_entitled": True}},
    }


def header(stated: Any) -> dict[str, str]:
    """The identity header."""
    return {"x-rh-identity": base64.b64encode(json.dumps(stated).encode()).decode()}


class Api(TestClient):
    """A caller of the API: an admin of organization 1234567, unless said otherwise; paths are below the base."""

    def __init__(self, app: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(app, base_url=f"http://testserver{BASE}", follow_redirects=False)
        self.headers.update(header(identity()) if headers is None else headers)

    def of(self, org_id: str = "1234567", access: Lists | None = None) -> Api:
        """Somebody else."""
        return Api(self.app, header(identity(org_id, access)))

    def errors(self, method: str, path: str, status: int = 400, **more: Any) -> list[tuple[str, str | None]]:
        """The messages of a request that is refused, each with its source."""
        response = self.request(method, path, **more)
        assert response.status_code == status, response.text
        body = response.json()
        assert set(body) == {"errors"}
        assert all(e["status"] == status for e in body["errors"])
        return [(e["detail"], e["source"]) for e in body["errors"]]

    def data(self, path: str) -> Any:
        """The rows of a list."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def make(self, path: str, body: Any, status: int = 201) -> Any:
        """Make something."""
        response = self.post(path, json=body)
        assert response.status_code == status, response.text
        return response.json()


@pytest.fixture
def org(koku: Koku) -> Koku:
    """The library for the tenant that the API's callers are of."""
    return koku.tenant("org1234567")


@pytest.fixture
def api(koku: Koku) -> Api:
    return Api(create_app(koku))


@pytest.fixture
def admin(koku: Koku) -> Api:
    return Api(create_admin_app(koku), {})


def cluster(api: Api, cluster_id: str = "my-ocp-cluster-1", name: str = "prod") -> Any:
    """Register a cluster."""
    return api.make(
        "sources/", {"name": name, "source_type": "OCP", "authentication": {"credentials": {"cluster_id": cluster_id}}}
    )


def model(name: str = "list prices", **more: Any) -> dict[str, Any]:
    """The body of a cost model with one rate."""
    rate = {"metric": {"name": "cpu_core_usage_per_hour"}, "tiered_rates": [{"unit": "USD", "value": 0.007}]}
    return {"name": name, "description": "d", "source_type": "OCP", "rates": [rate], **more}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What goes from end to end is left out of the quick part, whatever it takes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
