"""Copies sources and cost models from one server to another, by the API that both of them speak."""

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

PRICED = ("name", "description", "currency", "rates", "markup", "distribution_info")
KINDS = {"OpenShift Container Platform": "OCP"}  # cost models are answered with the one, and made with the other


def call(server: str, path: str, body: object = None) -> Any:
    headers = {"x-rh-identity": os.environ[f"{server}_IDENTITY"], "Content-Type": "application/json"}
    url = f"{os.environ[f'{server}_URL']}/api/cost-management/v1/{path}"
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{url}: {error.code} {error.read().decode()}")


moved = {}  # the uuids of sources: there, here
for source in call("OLD", "sources/?limit=1000")["data"]:
    wanted = {key: source[key] for key in ("name", "source_type", "authentication", "billing_source")}
    moved[source["uuid"]] = call("NEW", "sources/", wanted)["uuid"]
for model in call("OLD", "cost-models/?limit=1000")["data"]:
    wanted = {key: model[key] for key in PRICED} | {"source_type": KINDS[model["source_type"]]}
    call("NEW", "cost-models/", wanted | {"source_uuids": [moved[s["uuid"]] for s in model["sources"]]})
print(len(moved), "sources")
