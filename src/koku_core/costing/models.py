"""The cost models of one tenant: add, list, change, remove."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from koku_core.costing import model_store as store
from koku_core.costing.model_validation import BAD_SOURCES, ModelInput, validated
from koku_core.costing.price_lists import PriceLists
from koku_core.costing.rates import Number, Rate
from koku_core.costing.recalculation import reprice
from koku_core.costing.tenant_facts import facts_in, facts_of
from koku_core.database.server import Connection
from koku_core.database.tenant import Tenant, bump
from koku_core.errors import UnknownName
from koku_core.finding import find
from koku_core.services import Services
from koku_core.sources.model import Source
from koku_core.validation import refuse, uuid_text

SAVING = "cost-models"


class CostModels:
    """The cost models of one tenant. A change prices every published month of its sources anew, by jobs."""

    def __init__(self, services: Services, tenant: Tenant) -> None:
        self._services = services
        self._tenant = tenant

    def add(
        self, name: str, *, sources: Iterable[Source | str] = (), rates: Iterable[Rate | Mapping[str, Any]] = (),
        markup: Number | None = None, description: str = "", provider: str | None = None, currency: str | None = None,
        price_lists: Iterable[str] = (), **distribution: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Price some sources.

        Args:
            name: what to call it.
            sources: sources (or names, uuids) of one provider; each has at most one cost model.
            rates: what things cost.
            markup: percent on top of infrastructure cost; may be negative.
            description: for people.
            provider: whose sources it is for, if none is given yet.
            currency: of all prices; default: the account's.
            price_lists: lists (uuids or names) that hold instead of `rates` on the days that they are valid for, the first of them.
            **distribution: `distribution_type` (`cpu`, `memory`) and the provider's switches, such as `platform_cost=False`.

        Returns:
            The cost model as the API shows it.

        Raises:
            InvalidInput: something is wrong with it; nothing is saved then.
            UnknownName: there is no such source or price list.
        """
        found = [self._source(s) for s in sources]
        unit = currency or facts_of(self._services, self._tenant).currency
        body: dict[str, Any] = {
            "name": name, "description": description, "source_uuids": [s.uuid for s in found], "currency": unit,
            "source_type": self._family(provider or next((s.provider for s in found), None)),
            "rates": [r.body(unit) if isinstance(r, Rate) else r for r in rates],
        }  # fmt: skip
        if price_lists := builtins.list(price_lists):
            known = PriceLists(self._services, self._tenant)
            body["price_list_uuids"] = [known.get(each)["uuid"] for each in price_lists]
        if markup is not None:
            body["markup"] = {"value": str(markup), "unit": "percent"}
        return self.create({**body, "distribution_info": distribution} if distribution else body)

    def _source(self, which: Source | str) -> Source:
        from koku_core.sources.registry import SourceRegistry

        return SourceRegistry(self._services, self._tenant).get(which)

    def _family(self, provider: str | None) -> str:
        plugins = builtins.list(self._services.plugins)
        if provider is None and len(plugins) == 1:
            return str(plugins[0].provider.family)
        if provider is None:
            raise refuse("Say which provider the cost model is for, or give it a source.", "provider")
        return self._services.plugins.provider(provider).provider.family

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.list())

    def list(self) -> list[dict[str, Any]]:
        """All cost models as the API shows them, by name."""
        if not self._tenant.exists():
            return []
        with self._tenant.connection() as conn:
            return store.read(conn, self._services.plugins)

    def get(self, which: str) -> dict[str, Any]:
        """A cost model by uuid or name.

        Raises:
            UnknownName: there is none, or several of that name.
        """
        return find("cost model", which, self.list(), lambda m: (m["uuid"],), lambda m: str(m["name"]))

    def create(self, body: Any) -> dict[str, Any]:
        """Make a cost model from the body of an API request; makes the tenant if need be.

        Raises:
            InvalidInput: something is wrong with it; nothing is saved then.
        """
        wanted = validated(body, facts_of(self._services, self._tenant))
        self._tenant.ensure()
        with self._tenant.transaction() as conn:
            store.lock_all(conn)
            uuid = store.insert(conn, wanted)
            self._attach(conn, uuid, wanted.sources, wanted.plugin.provider.family)
            self._price(conn, uuid, wanted)
            return self._saved(conn, uuid, set(wanted.sources))

    def update(self, which: str, body: Any) -> dict[str, Any]:
        """Change a cost model by the body of an API request.

        What the body does not name is kept if it is rates, markup, distribution or price lists; is set back to its default if it is
        `distribution_info` or the currency; and detaches all sources if it is `source_uuids`.

        Raises:
            UnknownName: there is none.
            InvalidInput: something is wrong with the body; nothing is changed then.
        """
        uuid = self._uuid(which)
        with self._tenant.transaction() as conn:
            store.lock_all(conn)
            before = store.lock(conn, uuid)
            if before is None:
                raise UnknownName("cost model", which)
            wanted = validated(body, facts_in(conn, self._services.plugins, store.own_names(conn, uuid)))
            old = set(store.sources(conn, uuid))
            store.change(conn, uuid, wanted)
            store.detach(conn, old - set(wanted.sources))
            self._attach(conn, uuid, wanted.sources, before["family"])
            self._price(conn, uuid, wanted)
            touched = old ^ set(wanted.sources)
            if store.lock(conn, uuid) != before:
                touched = old | set(wanted.sources) | store.sharing(conn, uuid)
            return self._saved(conn, uuid, touched)

    def remove(self, which: str) -> None:
        """Remove a cost model; its sources are priced without one from now on. Its price list stays.

        Raises:
            UnknownName: there is none.
        """
        uuid = self._uuid(which)
        with self._tenant.transaction() as conn:
            store.lock_all(conn)
            touched = store.sources(conn, uuid)
            if not store.delete(conn, uuid):
                raise UnknownName("cost model", which)
            bump(conn, "settings")
            reprice(conn, self._tenant.name, touched)

    def _uuid(self, which: str) -> str:
        if not self._tenant.exists():
            raise UnknownName("cost model", which)
        return uuid_text(which) or str(self.get(which)["uuid"])

    def _attach(self, conn: Connection, uuid: str, sources: Iterable[str], family: str) -> None:
        """Attach sources; each must be the tenant's, of the model's provider, and have no other cost model."""
        wanted = builtins.list(sources)
        plugin = self._services.plugins.by_family(family)
        if wanted and not (plugin and store.all_sources(conn, wanted, plugin.name)):
            raise refuse(BAD_SOURCES, "source_uuids")
        for source in wanted:
            other = store.attach(conn, source, uuid)
            if other != uuid:
                raise refuse(f"Source {source} is already associated with cost model: {other}.", SAVING)

    def _price(self, conn: Connection, uuid: str, wanted: ModelInput) -> None:
        """Attach the price lists that are asked for, and put the model's own rates into its own list."""
        if wanted.price_lists is not None:
            self._attach_lists(conn, uuid, wanted)
        if wanted.rates is not None:
            store.write_own_rates(conn, uuid, wanted.rates, attach=wanted.price_lists is None)
        store.refuse_other_currency(conn, uuid)

    def _attach_lists(self, conn: Connection, uuid: str, wanted: ModelInput) -> None:
        attached = store.attached_lists(conn, uuid)
        for list_uuid in wanted.price_lists or ():
            found = store.price_list(conn, list_uuid)
            if found is None:
                raise refuse(f"PriceList with UUID {list_uuid} does not exist.", SAVING)
            if not found["enabled"] and list_uuid not in attached:
                raise refuse(f"Cannot attach disabled price list '{found['name']}' to a cost model.", SAVING)
        store.replace_lists(conn, uuid, wanted.price_lists or ())

    def _saved(self, conn: Connection, uuid: str, touched: Iterable[str]) -> dict[str, Any]:
        bump(conn, "settings")
        reprice(conn, self._tenant.name, touched)
        return store.read(conn, self._services.plugins, uuid)[0]
