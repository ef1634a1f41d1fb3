"""Where the files of a download lie until they are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from koku_core.bills.places import Folder, Stored, fetched
from koku_core.intake.downloads import sweep, workplace
from koku_core.settings import Settings


class Counting(Folder):
    """A folder that counts what is fetched, and breaks off in the middle of some."""

    def __init__(self, folder: Path, broken: set[str]) -> None:
        super().__init__(folder, folder)
        self.broken, self.asked = broken, list[str]()

    def fetch(self, stored: Stored, target: Path) -> None:
        self.asked.append(stored.key)
        if stored.key in self.broken:
            target.write_bytes(b"ha")
            raise OSError("broke off")
        super().fetch(stored, target)


def test_what_an_interrupted_download_has_fetched_is_not_fetched_again(tmp_path: Path) -> None:
    settings, bucket = Settings(data_dir=tmp_path / "data"), tmp_path / "bucket"
    bucket.mkdir()
    for name in ("a.csv", "b.csv"):
        (bucket / name).write_text(f"half of {name}")
    place = Counting(bucket, {"b.csv"})
    objects = list(place.objects(".csv"))
    with pytest.raises(OSError, match="broke off"), workplace(settings, "acme", "u") as folder:
        fetched(place, objects, folder)
    (bucket / "a.csv").write_text("another a")
    place.broken.clear()
    again = [Stored("a.csv", "other", 9), objects[1]]
    with workplace(settings, "acme", "u") as folder:
        assert sorted(p.read_text() for p in folder.rglob("*-a.csv")) == ["half of a.csv"]
        assert [p.read_text() for p in fetched(place, objects, folder)] == ["half of a.csv", "half of b.csv"]
        assert [p.read_text() for p in fetched(place, again, folder)] == ["another a", "half of b.csv"]
    assert sorted(place.asked) == ["a.csv", "a.csv", "b.csv", "b.csv"]
    assert not folder.exists()


def test_what_was_fetched_for_sources_that_are_gone_is_removed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    for uuid in ("here", "gone"):
        with pytest.raises(KeyError), workplace(settings, "acme", uuid):
            raise KeyError
    sweep(settings, "acme", {"here"})
    assert [p.name for p in tmp_path.glob("downloads/acme/*")] == ["here"]
    sweep(settings, "acme")
    sweep(settings, "never there")
    assert not list(tmp_path.glob("downloads/acme/*"))
