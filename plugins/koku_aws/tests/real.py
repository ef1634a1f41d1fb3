"""A bill like one of a small real account: all columns of a Cost and Usage Report, without resource ids and tags, on 14 days of a month."""

from __future__ import annotations

import csv
import random
from decimal import Decimal
from pathlib import Path

_COLUMNS = {
    "identity": "LineItemId TimeInterval",
    "bill": "InvoiceId InvoicingEntity BillingEntity BillType PayerAccountId BillingPeriodStartDate BillingPeriodEndDate",
    "lineItem": "UsageAccountId LineItemType UsageStartDate UsageEndDate ProductCode UsageType Operation AvailabilityZone UsageAmount "
                "NormalizationFactor NormalizedUsageAmount CurrencyCode UnblendedRate UnblendedCost BlendedRate BlendedCost "
                "LineItemDescription TaxType LegalEntity",
    "product": "ProductName accountAssistance alarmType availability availabilityZone capacitystatus classicnetworkingsupport clockSpeed "
               "contentType currentGeneration databaseEngine dedicatedEbsThroughput deploymentOption description directorySize durability "
               "ebsOptimized ecu endpointType engineCode enhancedNetworkingSupported feeCode feeDescription fromLocation fromLocationType "
               "fromRegionCode group groupDescription instanceFamily instanceType instanceTypeFamily intelAvxAvailable intelTurboAvailable "
               "licenseModel location locationType logsDestination marketoption maxIopsvolume maxThroughputvolume maxVolumeSize memory "
               "messageDeliveryFrequency messageDeliveryOrder networkPerformance normalizationSizeFactor operatingSystem "
               "operation physicalProcessor preInstalledSw processorArchitecture processorFeatures productFamily provisioned "
               "queueType region regionCode routingTarget "
               "routingType servicecode servicename sku storage storageClass storageMedia tenancy "
               "tiertype toLocation toLocationType toRegionCode transferType usagetype vcpu version volumeApiName "
               "volumeType vpcnetworkingsupport",
    "pricing": "LeaseContractLength OfferingClass PurchaseOption RateCode RateId currency publicOnDemandCost publicOnDemandRate term unit",
    "reservation": "AmortizedUpfrontCostForUsage AmortizedUpfrontFeeForBillingPeriod EffectiveCost EndTime ModificationStatus "
                   "NormalizedUnitsPerReservation NumberOfReservations RecurringFeeForUsage StartTime SubscriptionId "
                   "TotalReservedNormalizedUnits TotalReservedUnits UnitsPerReservation UnusedAmortizedUpfrontFeeForBillingPeriod "
                   "UnusedNormalizedUnitQuantity UnusedQuantity UnusedRecurringFee UpfrontValue",
    "savingsPlan": "TotalCommitmentToDate SavingsPlanARN SavingsPlanRate UsedCommitment SavingsPlanEffectiveCost "
                   "AmortizedUpfrontCommitmentForBillingPeriod RecurringCommitmentForBillingPeriod",
}  # fmt: skip
HEADER = [f"{group}/{name}" for group, names in _COLUMNS.items() for name in names.split()]
#: Service, its name, usage type, operation, unit, family, region: what small accounts use.
_USES = (
    ("AmazonS3", "Amazon Simple Storage Service", "EUC1-Requests-Tier1", "PutObject", "Requests", "API Request", "eu-central-1"),
    ("AmazonS3", "Amazon Simple Storage Service", "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo", "Storage", "us-east-1"),
    ("AmazonCloudWatch", "AmazonCloudWatch", "CW:Requests", "GetMetricData", "Metrics", "API Request", "us-east-1"),
    ("awskms", "AWS Key Management Service", "us-east-1-KMS-Requests", "Decrypt", "Requests", "API Request", "us-east-1"),
    ("AWSGlue", "AWS Glue", "USE1-Catalog-Request", "GetPartitions", "Request", "AWS Glue", "us-east-1"),
    ("AWSDataTransfer", "AWS Data Transfer", "USE1-EUC1-AWS-Out-Bytes", "GetObject", "GB", "Data Transfer", ""),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "EUC1-BoxUsage:t3.micro", "RunInstances", "Hrs", "Compute Instance", "eu-central-1"),
)  # fmt: skip


def write(path: Path, rows: int = 1281, taxes: int = 12, seed: int = 7) -> Path:
    """Write such a bill for November 2023."""
    chance = random.Random(seed)
    made = [_tax(n) if n < taxes else _usage(n, chance) for n in range(rows)]
    chance.shuffle(made)
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, HEADER, restval="")
        writer.writeheader()
        writer.writerows(made)
    return path


def _line(number: int) -> dict[str, str]:
    return {
        "identity/LineItemId": f"{number:052x}", "bill/InvoicingEntity": "Amazon Web Services, Inc.", "bill/BillingEntity": "AWS",
        "bill/BillType": "Anniversary", "bill/PayerAccountId": "111111111111", "bill/BillingPeriodStartDate": "2023-11-01T00:00:00Z",
        "bill/BillingPeriodEndDate": "2023-12-01T00:00:00Z", "lineItem/CurrencyCode": "USD", "pricing/currency": "USD",
        "lineItem/LegalEntity": "Amazon Web Services, Inc.",
    }  # fmt: skip


def _usage(number: int, chance: random.Random) -> dict[str, str]:
    code, name, kind, operation, unit, family, region = chance.choice(_USES)
    day, hour = chance.randrange(1, 15), chance.randrange(24)
    start, end = f"2023-11-{day:02}T{hour:02}:00:00Z", f"2023-11-{day + (hour == 23):02}T{(hour + 1) % 24:02}:00:00Z"
    cost = Decimal(chance.randrange(10**8)).scaleb(-chance.choice((10, 10, 10, 15)))
    amount = Decimal(chance.randrange(1, 10**6)).scaleb(-chance.choice((0, 4, 10)))
    blended = cost if chance.random() < 0.9 else cost * 2
    text = "{:E}".format if chance.random() < 0.2 else "{:f}".format  # AWS writes tiny amounts as 1.2E-7
    return {
        **_line(number), "identity/TimeInterval": f"{start}/{end}", "lineItem/UsageStartDate": start, "lineItem/UsageEndDate": end,
        "lineItem/UsageAccountId": chance.choice(("111111111111", "222222222222")), "lineItem/LineItemType": "Usage",
        "lineItem/ProductCode": code, "product/ProductName": name, "lineItem/UsageType": kind, "lineItem/Operation": operation,
        "pricing/unit": unit, "product/productFamily": family, "product/region": region, "product/regionCode": region,
        "product/instanceType": "t3.micro" if family == "Compute Instance" else "", "lineItem/UsageAmount": text(amount),
        "lineItem/UnblendedCost": text(cost), "lineItem/BlendedCost": text(blended), "lineItem/UnblendedRate": f"{cost / amount:.10f}",
        "lineItem/LineItemDescription": f"$0.005 per 1,000 \"{operation}\" requests, first 1,000,000", "pricing/term": "OnDemand",
        "pricing/publicOnDemandCost": text(cost), "product/servicecode": code, "product/sku": f"SKU{number % 40}",
    }  # fmt: skip


def _tax(number: int) -> dict[str, str]:
    return {
        **_line(number), "identity/TimeInterval": "2023-11-01T00:00:00Z/2023-12-01T00:00:00Z", "lineItem/LineItemType": "Tax",
        "lineItem/UsageStartDate": "2023-11-01T00:00:00Z", "lineItem/UsageEndDate": "2023-12-01T00:00:00Z", "lineItem/TaxType": "VAT",
        "lineItem/UsageAccountId": "111111111111", "lineItem/ProductCode": _USES[number % len(_USES)][0], "lineItem/UsageAmount": "1",
        "lineItem/UnblendedCost": "0.0" if number % 3 else "0.0100000000", "lineItem/BlendedCost": "0.0",
        "lineItem/LineItemDescription": "Tax for product code",
    }  # fmt: skip
