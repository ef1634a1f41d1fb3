"""Who a provider is: its name, its kinds of sources, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from koku_core.declare.datasets import Dataset


@dataclass(frozen=True, slots=True)
class SourceType:
    """A kind of source that a provider offers.

    Attributes:
        name: as in `source_type` of the API (`OCP`, `AWS-local`).
        credentials: pydantic model of `authentication.credentials`; fields typed `SecretStr` are encrypted and never returned.
        data_source: pydantic model of `billing_source.data_source`; None: the source has none.
        type_id: the number that the sources API knows it by, or None.
        key: the credential field that identifies what is billed (`cluster_id`): no two sources of a tenant share its value.
        place: fields of the data source that belong to the identity as well, where one key may have several (a role with two buckets).
        pushed: True if its reports are uploaded rather than fetched.
        blank: for a field that may not be blank, where the API says so, and in which words.
    """

    name: str
    credentials: type[BaseModel]
    key: str
    data_source: type[BaseModel] | None = None
    type_id: str | None = None
    pushed: bool = False
    blank: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    place: tuple[str, ...] = ()

    def identity(self, credentials: Mapping[str, Any], data_source: Mapping[str, Any]) -> str:
        """What no two sources of a tenant share: the key, and beside it what of the place is given."""
        return " ".join(
            [str(credentials[self.key]), *(f"{n}={data_source[n]}" for n in self.place if data_source.get(n))]
        )


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of thing that somebody's reading can be limited to.

    Attributes:
        name: as in the access lists of an identity (`openshift.cluster`).
        opens: whether a list of it, if it is not empty, lets somebody read the provider's reports at all.
        inherits: a resource whose list, if it is not empty, stands for every value of this one where this has no list of its own.
    """

    name: str
    opens: bool = False
    inherits: str = ""


@dataclass(frozen=True, slots=True)
class Beside:
    """A provider that clients ask after beside another one; while its own plugin is not loaded, they are told that it has nothing.

    Attributes:
        family: as in `Provider`.
        resources: what reading of it can be limited to, each with the name of its list below `resource-types/`.
    """

    family: str
    resources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CloudAccount:
    """The account of a cloud that whoever runs koku reads sources with, which owners of sources must let in; `cloud-accounts/` tells it.

    Attributes:
        name: of the cloud (`AWS`).
        variable: of the environment that holds the account's id; unset: there is none.
        doc: what it is, for people.
    """

    name: str
    variable: str
    doc: str


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider's identity.

    Attributes:
        name: short and lower case, as in `KOKU_PLUGINS` and `koku.sources.add` (`ocp`).
        label: what people call it (`OpenShift Container Platform`).
        api_path: its part of the API's paths (`openshift` in `reports/openshift/costs/`).
        family: its name in tag settings, cost models and access (`OCP`).
        source_types: at least one.
        datasets: what its normalize hook makes.
        uploads: media types of the payloads that its `koku_receive` understands.
        access: what reading can be limited to; one that is inherited stands before its heirs.
        cost_groups: the built-in cost groups, each with the LIKE patterns of namespaces that belong to it.
        tags_enabled: whether label keys are enabled when they are first seen, as long as the tenant has room for more.
        beside: providers that clients of this one ask after too, whether they are loaded or not, in the order that they are listed in;
            its own family among them marks its own place.
        cloud_account: the account that its sources are read with; None: it has none.
        choices: lists that forms for sources offer, at `sources/NAME/`; each is made when somebody asks for it.
        version: of the plugin; stamped on every partition of the lake.
        hooks: the version of `koku_core.hookspecs` that it was written for.
    """

    name: str
    label: str
    api_path: str
    family: str
    source_types: tuple[SourceType, ...]
    datasets: tuple[Dataset, ...]
    version: str
    uploads: tuple[str, ...] = ()
    access: tuple[Resource, ...] = ()
    cost_groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tags_enabled: bool = False
    beside: tuple[Beside, ...] = ()
    cloud_account: CloudAccount | None = None
    choices: Mapping[str, Callable[[], Sequence[str]]] = field(default_factory=dict)
    hooks: int = 1
