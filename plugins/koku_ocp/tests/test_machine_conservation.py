"""Whatever machines there are, and however they move: each costs what its hours and cores are worth, once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.koku_ocp.tests.clusters import DAY, Cluster, price, rate, summarize, tag_rate, total

from koku_core.database.server import Connection

NODES, SPACES, NAMES, TIERS = ("n1", "n2", "n3"), ("shop", "batch"), ("a", "b", "it's"), ("gold", "iron", "")
LABEL = "vm_kubevirt_io_name"
NEARLY = Decimal("1e-9")
prices = st.decimals("0", "9999", places=4)
examples = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@dataclass
class Stay:
    """A machine on a node on a day: hours with so many cores, by the label that its pod has."""

    day: date
    namespace: str
    name: str
    node: str
    hours: int
    cores: list[int]
    tier: str

    @property
    def core_hours(self) -> Decimal:
        """Its hours times the cores of each."""
        return Decimal(sum(self.cores))


@dataclass
class Drawn:
    """A cluster and what its machines did."""

    cluster: Cluster
    stays: list[Stay] = field(default_factory=list)

    def days(self) -> Iterator[list[Stay]]:
        """The stays of each machine and day."""
        found: dict[tuple[date, str, str], list[Stay]] = defaultdict(list)
        for stay in self.stays:
            found[stay.day, stay.namespace, stay.name].append(stay)
        return iter(found.values())


@st.composite
def machines(draw: st.DrawFn) -> Drawn:
    """Up to three machines in two namespaces on two days, that move between nodes; their pods, and others beside them."""
    drawn = Drawn(Cluster())
    days = [DAY + timedelta(n) for n in range(draw(st.integers(1, 2)))]
    for day in days:
        for node in NODES:
            drawn.cluster.node(node, 8, 32, usage_start=day)
        drawn.cluster.pod("shop", "web", "n1", [(1, 1, 1)], [(1, 1, 1)], {"tier": "gold"}, usage_start=day)
    for day, namespace, name in draw(st.lists(
        st.tuples(st.sampled_from(days), st.sampled_from(SPACES), st.sampled_from(NAMES)), min_size=1, max_size=5, unique=True,
    )):  # fmt: skip
        for node in draw(st.lists(st.sampled_from(NODES), min_size=1, max_size=3, unique=True)):
            cores = draw(st.lists(st.integers(1, 16), min_size=1, max_size=8))
            stay = Stay(day, namespace, name, node, len(cores), cores, draw(st.sampled_from(TIERS)))
            drawn.stays.append(stay)
            labels = {LABEL: name} | ({"tier": stay.tier} if stay.tier else {})
            drawn.cluster.pod(
                namespace,
                f"p-{name}",
                node,
                [(1, 2, 4)] * stay.hours,
                [(1, 1, 1)] * stay.hours,
                labels,
                usage_start=day,
            )
            drawn.cluster.machine(
                namespace,
                name,
                node,
                stay.hours,
                max(cores),
                usage_start=day,
                vm_core_seconds_up=stay.core_hours * 3600,
            )
    return drawn


def by_tiers(quantity: Decimal, cut: int, value: Decimal) -> Decimal:
    """What a quantity costs at `value` up to `cut` and at half of it beyond."""
    return min(quantity, Decimal(cut)) * value + max(quantity - cut, Decimal(0)) * value / 2


@examples
@given(drawn=machines(), value=prices, other=prices, cut=st.integers(1, 60), by=st.sampled_from(("cpu", "memory")))
def test_machines_cost_what_their_hours_and_cores_are_worth(
    conn: Connection, drawn: Drawn, value: Decimal, other: Decimal, cut: int, by: str
) -> None:
    with conn.transaction(force_rollback=True):
        usage = summarize(conn, drawn.cluster)
        hours = sum((Decimal(s.hours) for s in drawn.stays), Decimal(0))
        core_hours = sum((s.core_hours for s in drawn.stays), Decimal(0))
        assert abs(total(usage, "vm_hours") - hours) < NEARLY
        assert abs(total(usage, "vm_core_hours") - core_hours) < NEARLY
        tiers = ((None, cut, str(value)), (cut, None, str(value / 2)))
        found = price(
            conn, rate("vm_cost_per_hour", 0, tiers=tiers), rate("vm_core_cost_per_hour", 0, "Infrastructure", tiers),
            rate("vm_cost_per_month", str(value)), rate("vm_cost_per_month", str(other), "Infrastructure"),
            rate("vm_core_cost_per_month", str(other)), distribution_type=by, platform_cost=False, worker_cost=False,
        )  # fmt: skip
        expected = {
            ("Supplementary", None): by_tiers(hours, cut, value), ("Infrastructure", None): by_tiers(core_hours, cut, value),
            ("Supplementary", "OCP_VM"): len(list(drawn.days())) * value / 30,
            ("Infrastructure", "OCP_VM"): len(list(drawn.days())) * other / 30,
            ("Supplementary", "OCP_VM_CORE"): sum(max(c for s in stays for c in s.cores) for stays in drawn.days()) * other / 30,
        }  # fmt: skip
        for (kind, monthly), amount in expected.items():
            of_kind = total(found, "cost_model_cpu_cost", cost_model_rate_type=kind, monthly_cost_type=monthly)
            assert abs(of_kind - amount) < NEARLY, (kind, monthly)
        assert all(r["vm_name"] for r in found)
        # a machine is charged once a day, and the nodes that it was on share that by its hours
        for stays in drawn.days():
            for stay in stays:
                place = {"usage_start": stay.day, "namespace": stay.namespace, "vm_name": stay.name, "node": stay.node}
                paid = total(
                    found,
                    "cost_model_cpu_cost",
                    cost_model_rate_type="Infrastructure",
                    monthly_cost_type="OCP_VM",
                    **place,
                )
                assert abs(paid - other / 30 * stay.hours / sum(s.hours for s in stays)) < NEARLY


@examples
@given(drawn=machines(), gold=prices, rest=prices)
def test_a_label_pays_for_what_has_it(conn: Connection, drawn: Drawn, gold: Decimal, rest: Decimal) -> None:
    with conn.transaction(force_rollback=True):
        summarize(conn, drawn.cluster, enabled=("tier",))
        values = {"gold": str(gold), "iron-or-other": str(rest)}
        found = price(
            conn, tag_rate("vm_cost_per_hour", "tier", values, "iron-or-other"),
            tag_rate("vm_core_cost_per_month", "tier", values, "iron-or-other", "Infrastructure"),
            platform_cost=False, worker_cost=False,
        )  # fmt: skip
        worth = {"gold": gold, "iron": rest, "": Decimal(0)}
        hourly = sum((worth[s.tier] * s.hours for s in drawn.stays), Decimal(0))
        monthly = Decimal(0)
        for stays in drawn.days():
            cores, hours = max(c for s in stays for c in s.cores), sum(s.hours for s in stays)
            monthly += sum((worth[s.tier] * cores / 30 * s.hours / hours for s in stays), Decimal(0))
        assert abs(total(found, "cost_model_cpu_cost", cost_model_rate_type="Supplementary") - hourly) < NEARLY
        assert abs(total(found, "cost_model_cpu_cost", cost_model_rate_type="Infrastructure") - monthly) < NEARLY
