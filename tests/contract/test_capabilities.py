"""What the built-in engines say that they lack, they lack; what they do not say, works: tried on the real servers."""

from __future__ import annotations

import pytest

from koku_core.koku import Koku
from koku_core.testing.probing import lacking


def test_postgresql_lacks_what_it_says(koku: Koku) -> None:
    assert lacking(koku) == set(koku.services.executor.lacking)


@pytest.mark.slow
def test_trino_lacks_what_it_says(trino_koku: Koku) -> None:
    assert lacking(trino_koku) == set(trino_koku.services.executor.lacking)
