"""Who asks AWS: the source's role, access key or profile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from koku_aws.bucket import Bucket, problems
from koku_aws.sources import ROLE

if TYPE_CHECKING:
    from koku_core.sources.model import Source

_NAME = "koku-core"
_AWS = ".amazonaws.com"
#: Where AWS tells of reports, whatever region they are written to.
GLOBAL = "us-east-1"
#: So many objects of a bucket are listed by who must answer within seconds.
GLANCED_AT = 10_000


@dataclass
class Session:
    """What makes clients of AWS services for a source.

    Attributes:
        source: with its credentials in clear.
        patient: whether to wait and try again for long, as for downloads; otherwise a few seconds must do.
    """

    source: Source
    patient: bool = True

    def client(self, service: str, region: str = "") -> Any:
        """A client.

        Raises:
            SourceUnreadable: the role cannot be assumed, or there is nothing to log in with.
            SourceBusy: AWS cannot be reached.
        """
        with problems(f"role {self.source.credentials.get('role_arn')}"):
            return self._session.client(service, region_name=region or self._region, config=self._settings)

    def offers(self, service: str) -> bool:
        """Whether the server of the bucket is where a service would be asked: other servers than AWS have buckets alone."""
        asked, bucket = (self.client(s).meta.endpoint_url for s in (service, "s3"))
        return _AWS in bucket or _AWS not in asked

    @cached_property
    def bucket(self) -> Bucket:
        """The bucket of the source."""
        place = self.source.data_source
        prefix, most = str(place.get("prefix") or "").strip("/"), None if self.patient else GLANCED_AT
        return Bucket(self.client("s3"), place["bucket"], prefix, most)

    @property
    def _region(self) -> str:
        return self.source.data_source.get("bucket_region") or GLOBAL

    @cached_property
    def _settings(self) -> Any:
        from botocore.config import Config

        attempts, seconds = (5, 60) if self.patient else (2, 10)
        retries = {"total_max_attempts": attempts, "mode": "standard"}
        return Config(retries=retries, connect_timeout=min(seconds, 10), read_timeout=seconds)

    @cached_property
    def _session(self) -> Any:
        """Logged in as the role, if there is one."""
        import boto3

        given = self.source.credentials
        own = boto3.Session(
            aws_access_key_id=given.get("access_key_id"),
            aws_secret_access_key=given.get("secret_access_key"),
            aws_session_token=given.get("session_token"),
            profile_name=given.get("profile"),
            region_name=self._region,
        )
        if not ROLE.fullmatch(str(given.get("role_arn"))):
            return own
        asked = {"RoleArn": given["role_arn"], "RoleSessionName": _NAME}
        asked |= {"ExternalId": given["external_id"]} if given.get("external_id") else {}
        made = own.client("sts", config=self._settings).assume_role(**asked)["Credentials"]
        return boto3.Session(
            aws_access_key_id=made["AccessKeyId"],
            aws_secret_access_key=made["SecretAccessKey"],
            aws_session_token=made["SessionToken"],
            region_name=self._region,
        )
