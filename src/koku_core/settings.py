"""Settings, read from `KOKU_…` environment variables or given to the constructor; there is no settings file and no global."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from koku_core.errors import SettingError


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip()) or None
    return value


def _instant(value: object) -> object:
    """A time without a zone is UTC; `2026-11-22` is its midnight."""
    if isinstance(value, str):
        parsed = datetime.fromisoformat(value)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return value


def default_data_dir() -> Path:
    """The user's data folder on this system (`~/.local/share/koku`, or below `XDG_DATA_HOME`)."""
    import os
    import sys

    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "koku"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "koku"


class Settings(BaseSettings):
    """Everything that can be set from outside; each field is documented by its description."""

    model_config = SettingsConfigDict(env_prefix="KOKU_", frozen=True, extra="ignore")

    database_url: SecretStr | None = Field(None, description="A PostgreSQL >= 15; without it the embedded one")
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="The embedded server, the local lake, the inbox and unfinished downloads lie here",
    )
    postgres_bin: Path | None = Field(
        None,
        description="The folder of the programs of the embedded PostgreSQL; unset: the wheel's, Debian's, the PATH's",
    )
    lake_url: str | None = Field(None, description="A folder or s3://bucket/prefix; default: `lake` in the data folder")
    inbox_url: str | None = Field(
        None,
        description="A folder or s3://bucket/prefix that payloads are ingested from by name; default: `inbox` in the data folder",
    )
    local_sources: Path | None = Field(
        None, description="The folder beneath which local sources may read; unset: none may"
    )
    executor: str = Field("postgres", description="Which engine runs the summarize templates")
    trino_url: SecretStr | None = Field(
        None, description="Where the Trino executor's server is: https://USER:PASSWORD@HOST:PORT/CATALOG"
    )
    clock: Annotated[AwareDatetime | None, BeforeValidator(_instant)] = Field(
        None, description="A fixed business date and time"
    )
    plugins: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_names)] = Field(
        None, description="The provider plugins to load; unset: all that are installed"
    )
    retain_months: int = Field(13, ge=1, le=120, description="Full months kept before the current one")
    keep_jobs_days: float = Field(30, gt=0, description="How long jobs that have ended are listed")
    backup_days: float = Field(
        7,
        ge=0,
        description="Age of the oldest backup that may be restored: files of the lake that nothing needs stay so long",
    )
    purge_hours: float = Field(24, gt=0, description="How often what is older than retention is removed")
    poll_minutes: float = Field(
        60, gt=0, description="How often a source is asked for new reports; less often while it fails"
    )
    check_sources: bool = Field(
        True, description="Look at sources that are added or changed by the API, and refuse those that cannot be read"
    )
    secret_key: SecretStr | None = Field(
        None, description="Encrypts credentials at rest; made and kept in the data folder when unset"
    )
    trust_identity_header: bool = Field(
        True,
        description="Whoever sends the header x-rh-identity is whom it says; false: only accounts are known",
    )
    upload_limit_mib: int = Field(100, ge=1, description="Largest upload that is accepted, compressed")
    unpacked_limit_mib: int = Field(4096, ge=1, description="Largest total of the members of one archive")
    member_limit: int = Field(2000, ge=1, description="Most members that one archive may hold")
    enabled_tag_limit: int = Field(200, description="Most enabled tag keys of a tenant; 0 or less: no limit")
    statement_timeout_s: float = Field(60, gt=0, description="Longest time that the query behind one answer may take")
    row_limit: int = Field(2_000_000, ge=1, description="Most rows that one answer may hold")
    pool_size: int = Field(10, ge=2, description="Most database connections of one process")

    @classmethod
    def of_environment(cls) -> Settings:
        """The settings of the environment.

        Raises:
            SettingError: one cannot be used; the message names it.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = "KOKU_" + "_".join(map(str, first["loc"][:1])).upper()
            given = "" if _is_secret(name) else f"{first['input']!r}: "
            raise SettingError(name, f"{given}{first['msg']}") from None


def _is_secret(variable: str) -> bool:
    """Whether what a variable holds must not be told."""
    field = Settings.model_fields.get(variable.removeprefix("KOKU_").lower())
    return field is not None and "SecretStr" in str(field.annotation)
