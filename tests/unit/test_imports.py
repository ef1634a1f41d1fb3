"""`import koku_core` stays fast, so that a command line can be built on it."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = (
    "alembic",
    "altair",
    "babel",
    "boto3",
    "pandas",
    "pyarrow",
    "pyiceberg",
    "rich",
    "sqlalchemy",
    "trino",
    "typer",
)
SCRIPT = """
import json, sys, time
began = time.process_time()
import koku_core
took = time.process_time() - began
print(json.dumps([took, sorted(sys.modules)]))
"""


def fresh(script: str) -> tuple[float, set[str]]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    took, modules = json.loads(done.stdout)
    return took, set(modules)


def test_importing_the_core_is_fast() -> None:
    assert min(fresh(SCRIPT)[0] for _ in range(3)) < 0.3


def test_importing_the_core_leaves_heavy_modules_alone() -> None:
    assert not set(HEAVY) & fresh(SCRIPT)[1]


def test_the_object_itself_leaves_them_alone_too() -> None:
    assert not set(HEAVY) & fresh(SCRIPT.replace("import koku_core", "from koku_core import Koku, Rate"))[1]
