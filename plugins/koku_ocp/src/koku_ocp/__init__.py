"""OpenShift as a provider of koku-core: who it is. Its four hooks are `download`, `normalize`, `summarize` and `report_map`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from koku_core import hookimpl
from koku_core.declare.providers import Beside, Provider, Resource, SourceType
from koku_ocp import datasets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from koku_core.declare.deliveries import Normalized, Receipt, Sample
    from koku_core.declare.reports import ReportMap
    from koku_core.declare.summarize import CostModelSpec, Summary
    from koku_core.intake.archive import Limits

__version__ = "0.1.0"


#: The clouds that clusters run on: who looks at clusters asks after them as well, in this order.
_CLOUDS = (
    Beside("AWS", {"aws.account": "aws-accounts", "aws.organizational_unit": "aws-organizational-units"}),
    Beside("Azure", {"azure.subscription_guid": "azure-subscription-guids"}),
    Beside("OCP"),
    Beside("GCP", {"gcp.account": "gcp-accounts", "gcp.project": "gcp-projects"}),
)


class Credentials(BaseModel):
    """What identifies a cluster: the id in its ClusterVersion, which the operator writes into every manifest."""

    cluster_id: str = Field(min_length=1, max_length=253)


@hookimpl
def koku_provider() -> Provider:
    """OpenShift."""
    return Provider(
        name="ocp",
        label="OpenShift Container Platform",
        api_path="openshift",
        family="OCP",
        source_types=(SourceType("OCP", Credentials, key="cluster_id", type_id="1", pushed=True),),
        datasets=datasets.ALL,
        version=__version__,
        uploads=(
            "application/vnd.redhat.hccm.tar+tgz",
            "application/vnd.redhat.hccm.upload",
            "application/vnd.redhat.hccm.tar",
        ),
        access=(
            Resource("openshift.cluster", opens=True),
            Resource("openshift.node", inherits="openshift.cluster"),
            Resource("openshift.project", inherits="openshift.node"),
        ),
        beside=_CLOUDS,
        cost_groups={"Platform": ("openshift-%", "kube-%", "openshift", "Platform unallocated")},
    )


@hookimpl
def koku_receive(payload: Path, limits: Limits) -> Receipt:
    """Read the operator's manifest."""
    from koku_ocp.download import receive

    return receive(payload, limits)


@hookimpl
def koku_normalize(files: Sequence[Path], limits: Limits, only: Mapping[date, int] | None) -> Normalized:
    """Fold the operator's reports to days."""
    from koku_ocp.normalize import normalize

    return normalize(files, limits, only)


@hookimpl
def koku_summarize() -> Summary:
    """The daily summary of clusters."""
    from koku_ocp.summarize import SUMMARY

    return SUMMARY


@hookimpl
def koku_report_map() -> ReportMap:
    """The reports below `openshift/`."""
    from koku_ocp.report_map import REPORT_MAP

    return REPORT_MAP


@hookimpl
def koku_cost_model() -> CostModelSpec:
    """What can be priced and distributed."""
    from koku_ocp.cost_model import COST_MODEL

    return COST_MODEL


@hookimpl
def koku_sample(folder: Path, today: date) -> Sample:
    """A small cluster with virtual machines and GPUs, for last month and this one up to yesterday."""
    from koku_ocp.sample import sample

    return sample(folder, today)
