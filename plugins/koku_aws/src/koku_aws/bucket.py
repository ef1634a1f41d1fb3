"""The bucket that AWS writes reports to, and what AWS answers when it cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from koku_core.bills.places import Stored
from koku_core.errors import SourceBusy, SourceUnreadable

_BLOCK = 1 << 20
NO_KEY, NO_SECRET = "AWS does not know the access key", "the secret does not belong to the access key"
NO_TOKEN, NO_REGION = "the session token has expired", "it is in another region"
#: What AWS answers, why, and what to do about it.
_KNOWN = {
    "NoSuchBucket": ("there is no such bucket", "Correct the name of the bucket."),
    "AccessDenied": ("access is denied", "Grant s3:ListBucket and s3:GetObject there, or correct role_arn and external_id."),
    "403": ("access is denied", "Grant s3:ListBucket and s3:GetObject there."),
    "AccessDeniedException": ("access is denied", "Grant what its message names, or correct role_arn and external_id."),
    "InvalidAccessKeyId": (NO_KEY, "Correct access_key_id."),
    "SignatureDoesNotMatch": (NO_SECRET, "Correct secret_access_key."),
    "ExpiredToken": (NO_TOKEN, "Give a new one."),
    "InvalidClientTokenId": (NO_KEY, "Correct access_key_id."),
    "PermanentRedirect": (NO_REGION, "Set bucket_region."),
    "AuthorizationHeaderMalformed": (NO_REGION, "Set bucket_region."),
    "IllegalLocationConstraintException": (NO_REGION, "Set bucket_region."),
}  # fmt: skip
_MISSING = ("NoSuchKey", "404", "NotFound")
_CHANGED = ("PreconditionFailed", "412")


class Bucket:
    """A bucket of S3, or of a server that speaks like it (`AWS_ENDPOINT_URL_S3`)."""

    def __init__(self, client: Any, bucket: str, prefix: str, most: int | None = None) -> None:
        """Open the part of a bucket below a prefix.

        Args:
            client: boto3's, for S3.
            bucket: its name.
            prefix: what the keys of reports begin with.
            most: how many objects are listed; None: all.
        """
        self._client, self._bucket, self._prefix, self._most = client, bucket, prefix, most
        self.whole = True  #: whether the last listing was of all objects

    @property
    def name(self) -> str:
        """What people call it."""
        return f"bucket {self._bucket}"

    def objects(self, ending: str) -> Iterator[Stored]:
        """The objects whose keys end so."""
        with problems(self.name):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix, PaginationConfig={"MaxItems": self._most}
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    if item["Key"].endswith(ending):
                        yield Stored(item["Key"], item["ETag"], item["Size"])
            self.whole = pages.resume_token is None

    def find(self, key: str, beside: str) -> Stored:
        """The object of a key."""
        try:
            with problems(self.name):
                head = self._client.head_object(Bucket=self._bucket, Key=key)
        except _Missing as error:
            who = f"the manifest {beside} names {key}, which" if beside else key
            do = (
                "Have AWS deliver the report again, or remove the manifest."
                if beside
                else "Put it there, or correct its name."
            )
            raise SourceUnreadable(self.name, f"{who} is not there", do) from error
        return Stored(key, head["ETag"], head["ContentLength"])

    def fetch(self, stored: Stored, target: Path) -> None:
        """Read an object, if it is still the one that was found; all of it or nothing."""
        with problems(f"{self.name}, object {stored.key}"):
            body = self._client.get_object(Bucket=self._bucket, Key=stored.key, IfMatch=stored.etag)["Body"]
            size = 0
            with target.open("wb") as out:
                for block in body.iter_chunks(_BLOCK):
                    size += out.write(block)
        if size != stored.size:
            raise SourceBusy(self.name, f"{stored.key} ended after {size} of {stored.size} bytes")


class _Missing(SourceUnreadable):
    """An object is not there."""


@contextmanager
def problems(place: str) -> Iterator[None]:
    """Turn what boto3 raises into errors that say what to do."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _of_answer(place, error.response) from error
    except (exceptions.NoCredentialsError, exceptions.ProfileNotFound, exceptions.PartialCredentialsError) as error:
        raise SourceUnreadable(
            place, f"there is nothing to log in with ({error})",
            "Give access_key_id and secret_access_key, or a profile, or let this machine have a role.",
        ) from error  # fmt: skip
    except exceptions.ParamValidationError as error:
        raise SourceUnreadable(place, str(error).splitlines()[-1], "Correct the source.") from error
    except (exceptions.BotoCoreError, exceptions.HTTPClientError, OSError) as error:
        raise SourceBusy(place, f"it cannot be reached ({type(error).__name__}: {str(error)[:200]})") from error


def _of_answer(place: str, answer: dict[str, Any]) -> SourceUnreadable | SourceBusy:
    error, status = answer.get("Error", {}), answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(error.get("Code", ""))
    if code in _CHANGED:
        return SourceBusy(place, "it changed while it was read")
    if code in _MISSING:
        return _Missing(place, "there is no such object", "Have AWS deliver the report again.")
    if code in _KNOWN:
        return SourceUnreadable(place, *_KNOWN[code])
    said = f"AWS answers {status} {code} {error.get('Message', '')}".strip()
    if status >= 500 or status == 429 or code in ("SlowDown", "Throttling", "RequestTimeout"):
        return SourceBusy(place, said)
    return SourceUnreadable(place, said, "Correct the source, or what it may do.")
