"""The server's configuration: sized for report queries on the machine that it runs on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

MIB = 1024 * 1024
#: Parallel queries share memory there; Docker's default of 64 MiB is too small for them.
SHM = Path("/dev/shm")  # noqa: S108 - only its size is looked at


def configuration(*, port: int, socket_folder: Path, durable: bool) -> str:
    """The text of `koku.conf`, which is included at the end of `postgresql.conf` and written anew at every start."""
    memory = memory_mib()
    values: dict[str, object] = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": socket_folder,
        "unix_socket_permissions": "0700",
        "max_connections": 100,
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "shared_buffers": f"{min(max(memory // 8, 64), 2048)}MB",
        "effective_cache_size": f"{max(memory // 2, 128)}MB",
        "work_mem": f"{min(max(memory // 256, 8), 64)}MB",
        "maintenance_work_mem": f"{min(max(memory // 32, 32), 512)}MB",
        "max_wal_size": "4GB",
        "wal_level": "minimal",  # what is copied into a new partition needs no log beside it
        "max_wal_senders": 0,
        "random_page_cost": 1.1,
        "jit": "off",  # its start-up costs more than it saves for answers of milliseconds
        **({} if _shm_mib() >= 512 else {"dynamic_shared_memory_type": "sysv"}),
        **({} if durable else {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}),
    }
    lines = [f"{name} = '{str(value).replace(chr(39), chr(39) * 2)}'" for name, value in values.items()]
    return "\n".join(
        ["# Written by koku at every start; put your own settings into postgresql.conf, after the include.", *lines, ""]
    )


def memory_mib() -> int:
    """The memory of this machine or container."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):  # no cgroup, or "max"
        limit = whole
    return min(whole, limit) // MIB


def _shm_mib() -> int:
    if not sys.platform.startswith("linux"):
        return 512  # there is no such folder, and no such limit
    try:
        status = os.statvfs(SHM)
    except OSError:
        return 0
    return status.f_frsize * status.f_blocks // MIB
