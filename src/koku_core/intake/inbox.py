"""The inbox: a folder or bucket that somebody puts payloads into, from which they are ingested by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from koku_core.database.tenant import Tenant
from koku_core.errors import InvalidInput, UnknownName
from koku_core.intake.uploads import Accepted, accept
from koku_core.lake.places import filesystem
from koku_core.plugins import ProviderPlugin
from koku_core.services import Services
from koku_core.settings import Settings

if TYPE_CHECKING:
    import pyarrow.fs


def inbox_url(settings: Settings) -> str:
    """Where the inbox is: `KOKU_INBOX_URL`, else the folder `inbox` in the data folder."""
    return settings.inbox_url or str(settings.data_dir / "inbox")


def ingest_named(services: Services, tenant: Tenant, plugin: ProviderPlugin, name: str) -> list[Accepted]:
    """Accept what lies in the inbox under a name, as if it were uploaded: a file with any extension or none, or all files of a folder.

    What lies there stays there.

    Args:
        services: the parts of the library.
        tenant: whose it is; made if need be.
        plugin: that of a provider with uploads.
        name: of the payload.

    Raises:
        InvalidInput: the name cannot be one of a file in the inbox.
        UnknownName: nothing there has this name.
        LakeError, DatabaseUnavailable: it could not be kept.
    """
    place, files = _named(services.settings, name)
    tenant.ensure()
    return [_accept(services, tenant, plugin, place, file) for file in files]


def _named(settings: Settings, name: str) -> tuple[pyarrow.fs.FileSystem, list[pyarrow.fs.FileInfo]]:
    """The files of a name: that file itself, those of the folder of that name, or the one file that has an extension more."""
    from pyarrow.fs import FileSelector, FileType

    if not name or name in (".", "..") or any(c in name for c in "/\\\x00"):
        raise InvalidInput(
            {"payload_name": [f"{name!r} is not the name of a file in the inbox: give it without a path."]}
        )
    url = inbox_url(settings)
    place, root = filesystem(url)
    there = {info.base_name: info for info in place.get_file_info(FileSelector(root, allow_not_found=True))}
    found = there.get(name) or next((there[n] for n in sorted(there) if n.startswith(f"{name}.")), None)
    if found is None or not _inside(url, found.path):
        raise UnknownName("payload", name, sorted(there)[:20])
    if found.type is not FileType.Directory:
        return place, [found]
    below = place.get_file_info(FileSelector(found.path, recursive=True))
    return place, sorted((f for f in below if f.type is FileType.File and _inside(url, f.path)), key=lambda f: f.path)


def _inside(url: str, path: str) -> bool:
    """Whether a path is in the inbox, links followed. An object store has no links."""
    if "://" in url and not url.startswith("file:"):
        return True
    root = Path(url.removeprefix("file://")).resolve()
    return Path(path).resolve().is_relative_to(root)


def _accept(
    services: Services, tenant: Tenant, plugin: ProviderPlugin, place: pyarrow.fs.FileSystem, file: pyarrow.fs.FileInfo
) -> Accepted:
    with place.open_input_stream(file.path) as stream:
        return accept(services, tenant, cast(BinaryIO, stream), plugin.provider.uploads[0], file.base_name)
