"""A bill of any size as AWS writes it: so many rows of hourly lines with 180 columns, most of them empty, packed, beside its manifest."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

MONTH = date(2026, 10, 1)
_HOURS, _FILES, _BLOCK = 31 * 24, 4, 100_000
_SERVICES = (
    ("AmazonEC2", "Compute Instance", "BoxUsage:m5.large", "RunInstances", "m5.large", "Hrs", "0.096"),
    ("AmazonEC2", "Storage", "EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "", "GB-Mo", "0.000107526881720"),
    ("AmazonRDS", "Database Instance", "InstanceUsage:db.r5.large", "CreateDBInstance:0014", "db.r5.large", "Hrs", "0.24"),
    ("AmazonS3", "Storage", "TimedStorage-ByteHrs", "StandardStorage", "", "GB-Mo", "0.000030913978495"),
    ("AmazonVPC", "", "NatGateway-Hours", "NatGateway", "", "Hrs", "0.045"),
)  # fmt: skip
#: Lines of services from here on have amounts and costs of their own; those of the others are as regular as hours.
_FIRST_VARYING = 3
#: What reports have beside the columns that say something, and lines of usage leave empty.
_EMPTY = {
    "product": """
        accountAssistance architecturalReview architectureSupport availability bestPractices
        capacitystatus caseSeverityresponseTimes classicnetworkingsupport clockSpeed comments
        contentType currentGeneration customerServiceAndCommunities databaseEngine
        dedicatedEbsThroughput deploymentOption description directorySize directoryType
        directoryTypeDescription durability ebsOptimized ecu edition endpointType engineCode
        enhancedNetworkingSupported feeCode feeDescription fromLocation fromLocationType
        fromRegionCode group groupDescription includedServices instanceFamily instanceTypeFamily
        intelAvx2Available intelAvxAvailable intelTurboAvailable isshadow iswebsocket launchSupport
        licenseModel locationType marketoption maxIopsBurstPerformance maxIopsvolume
        maxThroughputvolume maxVolumeSize memoryGib messageDeliveryFrequency messageDeliveryOrder
        minVolumeSize networkPerformance normalizationSizeFactor operation operationsSupport origin
        physicalCores physicalProcessor platousagetype platovolumetype preInstalledSw
        proactiveGuidance processorArchitecture processorFeatures programmaticCaseManagement
        protocol provisioned queueType recipient requestDescription requestType resourceEndpoint
        routingTarget routingType sku softwareType storage storageClass storageMedia storageType
        subscriptionType technicalSupport tenancy thirdpartySoftwareSupport toLocation
        toLocationType toRegionCode training transferType usagetype version virtualInterfaceType
        volumeApiName volumeType vpcnetworkingsupport whoCanOpenCases
    """,
    "reservation": """
        AmortizedUpfrontCostForUsage EffectiveCost EndTime ModificationStatus
        NormalizedUnitsPerReservation NumberOfReservations RecurringFeeForUsage ReservationARN
        StartTime SubscriptionId TotalReservedUnits UnitsPerReservation UnusedQuantity UpfrontValue
    """,
    "savingsPlan": """
        EndTime OfferingType PaymentOption PurchaseTerm Region SavingsPlanArn
        SavingsPlanEffectiveCost SavingsPlanRate StartTime UsedCommitment
    """,
}


def write(bucket: Path, rows: int) -> Decimal:
    """Write a bill of October 2026 with so many rows in four files.

    Returns:
        What its lines cost, unblended, to the last decimal.
    """
    folder = bucket / "cur" / "20261001-20261101"
    (folder / "assembly").mkdir(parents=True)
    names, total = [], Decimal()
    for number in range(_FILES):
        name = f"assembly/cur-{number}.csv.gz"
        names.append(f"cur/20261001-20261101/{name}")
        with gzip.open(folder / name, "wb", compresslevel=1) as out:
            for block in _blocks(range(rows * number // _FILES, rows * (number + 1) // _FILES)):
                header = out.tell() == 0
                pyarrow.csv.write_csv(block, out, pyarrow.csv.WriteOptions(include_header=header))
                total += pc.sum(block["lineItem/UnblendedCost"].cast(pa.decimal128(33, 15))).as_py()
    period = {"start": "20261001T000000.000Z", "end": "20261101T000000.000Z"}
    manifest = {"assemblyId": "assembly", "reportKeys": names, "billingPeriod": period, "account": "100000000000"}
    (folder / "cur-Manifest.json").write_text(json.dumps(manifest))
    return total


def _blocks(rows: range) -> Iterator[pa.Table]:
    for first in range(rows.start, rows.stop, _BLOCK):
        yield _table(np.arange(first, min(first + _BLOCK, rows.stop)))


def _table(numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    """The lines of some numbers: each resource has one for every hour of the month, in the order of hours."""
    hours, resources = numbers % _HOURS, numbers // _HOURS
    kinds = resources % len(_SERVICES)

    def fact(place: int) -> pa.Array:
        return pa.array([s[place] for s in _SERVICES], pa.string()).take(pa.array(kinds))

    def named(beginning: str, count: int) -> pa.Array:
        return pa.array([f"{beginning}{n}" for n in range(count)]).take(pa.array(resources % count))

    start = datetime(MONTH.year, MONTH.month, 1)
    times = pa.array([f"{start + timedelta(hours=h):%Y-%m-%dT%H:%M:%SZ}" for h in range(_HOURS + 1)])
    begins, ends = times.take(pa.array(hours)), times.take(pa.array(hours + 1))
    ids = pc.binary_join_element_wise("i-0", pc.utf8_lpad(pa.array(resources).cast(pa.string()), 12, "0"), "")
    random = np.random.default_rng(int(numbers[0]))
    chance = pa.array([f"0.{n:010}" for n in random.integers(1, 10**9, len(numbers))])
    varies = pa.array(kinds >= _FIRST_VARYING)
    amount, cost = (pc.if_else(varies, chance, usual) for usual in (pa.scalar("1.0000000000"), fact(6)))
    same = {
        "bill/BillingEntity": "AWS", "bill/BillType": "Anniversary", "bill/PayerAccountId": "100000000000",
        "bill/BillingPeriodStartDate": "2026-10-01T00:00:00Z", "bill/BillingPeriodEndDate": "2026-11-01T00:00:00Z",
        "lineItem/LineItemType": "Usage", "lineItem/CurrencyCode": "USD", "lineItem/LegalEntity": "Amazon Web Services, Inc.",
        "pricing/currency": "USD", "pricing/term": "OnDemand", "product/location": "EU (Ireland)",
        "product/region": "eu-west-1", "product/regionCode": "eu-west-1", "product/operatingSystem": "Linux",
    }  # fmt: skip
    columns = {
        "identity/LineItemId": pa.array([f"{n:016x}" for n in random.integers(0, 2**63, len(numbers))]),
        "lineItem/UsageAmount": amount, **{f"lineItem/{n}Cost": cost for n in ("Unblended", "Blended")}, "pricing/publicOnDemandCost": cost,
        "identity/TimeInterval": pc.binary_join_element_wise(begins, ends, "/"),
        "lineItem/UsageStartDate": begins, "lineItem/UsageEndDate": ends, "lineItem/UsageAccountId": named("10000000000", 9),
        "lineItem/ProductCode": fact(0), "product/productFamily": fact(1), "lineItem/UsageType": fact(2), "lineItem/Operation": fact(3),
        "product/instanceType": fact(4), "pricing/unit": fact(5), "lineItem/ResourceId": ids,
        "lineItem/AvailabilityZone": named("eu-west-1", 3), "product/ProductName": fact(0), "product/servicecode": fact(0),
        **{f"lineItem/{n}Rate": fact(6) for n in ("Unblended", "Blended")},
        "pricing/publicOnDemandRate": fact(6),
        "lineItem/LineItemDescription": pc.binary_join_element_wise("$", fact(6), " per unit of ", fact(2), ""),
        "resourceTags/user:app": named("app-", 40), "resourceTags/user:environment": named("env-", 3), "resourceTags/user:Name": ids,
        "costCategory/team": named("team-", 12),
    }  # fmt: skip
    columns |= {name: pa.repeat(pa.scalar(text), len(numbers)) for name, text in same.items()}
    empty = pa.repeat(pa.scalar(""), len(numbers))
    columns |= {f"{group}/{name}": empty for group, names in _EMPTY.items() for name in names.split()}
    return pa.table(dict(sorted(columns.items())))
