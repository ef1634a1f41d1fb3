"""What is asked of somebody who adds a source: who may read the bucket, and where the reports lie in it."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

#: Roles that are assumed look so; anything else in `role_arn` is a name alone.
ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")

#: What tells apart sources of one role.
PLACE = ("bucket", "prefix", "report")

#: What the API says of fields that are blank, and where.
BLANK = {
    "role_arn": (
        "authentication.role_arn.missing", "Role ARN is a required parameter for AWS and must not be blank."
    ),
    "bucket": (
        "billing_source.bucket.missing",
        "Cost management requires an S3 bucket to store cost and usage reports. "
        "Edit your AWS source to include the name of your S3 bucket.",
    ),
}  # fmt: skip


class Credentials(BaseModel):
    """Who reads the bucket: a role that is assumed, an access key, or a profile of this machine's AWS configuration.

    A role is assumed with the access key or profile if one is given, else with what the machine has. Without a role, `role_arn` becomes the
    name that the source is known by: that of the key or profile.
    """

    role_arn: str = Field("", max_length=2048)
    external_id: str | None = Field(None, max_length=1224)
    access_key_id: str | None = Field(None, max_length=128)
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    profile: str | None = Field(None, max_length=253)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if isinstance(given, dict) and not given.get("role_arn"):
            name = given.get("access_key_id") or given.get("profile")
            if not name:
                raise ValueError(
                    "role_arn is missing: name a role, or give access_key_id and secret_access_key, or profile"
                )
            return {**given, "role_arn": name}
        return given

    @model_validator(mode="after")
    def _paired(self) -> Credentials:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together")
        return self


class LocalCredentials(BaseModel):
    """A folder needs none; the name stands for the role that a bucket would be read by."""

    role_arn: str = Field(min_length=1, max_length=2048)
    external_id: str | None = None


class Bucket(BaseModel):
    """Where the reports lie.

    `report` tells which of several below `prefix` is meant.
    """

    bucket: str = Field(min_length=3, max_length=63)
    bucket_region: str | None = None
    prefix: str = ""
    report: str = ""
    storage_only: bool = False

    @field_validator("bucket")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]+", value):
            raise ValueError("a bucket is named without s3:// and without a folder; folders belong into prefix")
        return value


class Folder(BaseModel):
    """A folder beneath `KOKU_LOCAL_SOURCES` that holds what a bucket would; never written to."""

    bucket: str = Field(min_length=1, max_length=4096)
    bucket_region: str | None = None
    prefix: str = ""
    report: str = ""
    storage_only: bool = False


def regions() -> list[str]:
    """The regions that a bucket can be in."""
    import boto3

    return sorted(boto3.Session().get_available_regions("s3"))
