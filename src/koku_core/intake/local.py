"""Folders of this machine that sources may read: those beneath `KOKU_LOCAL_SOURCES`, and no other."""

from __future__ import annotations

from pathlib import Path

from koku_core.errors import SettingError
from koku_core.settings import Settings

NAME = "KOKU_LOCAL_SOURCES"


def local_folder(settings: Settings, named: str | Path) -> Path:
    """The folder that a source names, absolute or relative to `KOKU_LOCAL_SOURCES`.

    Raises:
        SettingError: no folder is open to sources, or this one is not beneath it (links are followed first), or is not there.
    """
    if settings.local_sources is None:
        raise SettingError(
            NAME, "is not set, so no source may read local folders", do="Set it to a folder that holds them."
        )
    root = settings.local_sources.resolve()
    folder = (root / named).resolve()
    if not folder.is_relative_to(root):
        raise SettingError(
            NAME, f"{str(named)!r} is not beneath {root}", do="Move the files there, or correct the source."
        )
    if not folder.is_dir():
        raise SettingError(
            NAME, f"there is no folder {str(named)!r} beneath {root}", do="Make it, or correct the source."
        )
    return folder
