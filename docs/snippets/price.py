from datetime import date
from decimal import Decimal

from koku_core import Koku, Rate

with Koku.open() as koku:
    prod = koku.sources.add("ocp", name="prod", cluster_id="my-ocp-cluster-1")
    koku.ingest(prod, "payload.2026_10.tar.gz")
    koku.tags.enable("ocp", ["environment"])  # a label that reports may be grouped by

    winter = koku.price_lists.add(
        "winter prices", [Rate("node_cost_per_month", 300)], starts=date(2026, 12, 1), ends=date(2027, 2, 28)
    )
    koku.cost_models.add(
        "our prices",
        sources=[prod],
        rates=[
            Rate("node_cost_per_month", 250),
            Rate("cpu_core_usage_per_hour", Decimal("0.03")),
            Rate("memory_gb_usage_per_hour", 0.004, cost_type="Infrastructure"),
            Rate("cpu_core_request_per_hour", tag="environment", values={"prod": 0.02, "dev": 0.01}, default="dev"),
        ],
        price_lists=[winter["uuid"]],  # instead of these rates, on the days that it is valid for
        platform_cost=True,  # what the platform costs is shared by the projects that run on it
        worker_cost=True,  # and so is what nobody used
    )

    print(koku.report("openshift/costs", group_by="project", months=-2, order_by="distributed_cost"))
    print(koku.report("openshift/costs", group_by="tag:environment", months=-2))
    print(koku.report("breakdown/openshift/costs", months=-2))  # which rate, which overhead
    print(koku.price_lists.applied(prod, date(2026, 10, 1)))  # which list priced which days
