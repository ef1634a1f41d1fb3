"""Finds, checks and calls the plugins of the entry-point group `koku`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any

import pluggy

from koku_core import hookspecs
from koku_core.declare.providers import Provider, SourceType
from koku_core.declare.reports import ReportMap
from koku_core.declare.summarize import CostModelSpec, Summary
from koku_core.errors import PluginError, UnknownName

GROUP = "koku"


class PluginWarning(UserWarning):
    """A plugin that is installed cannot be used."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin that was found: where it comes from, and why it is not used if it is not."""

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    error: str = ""


class ProviderPlugin:
    """One provider's plugin: its declarations, and its hooks called for it alone."""

    def __init__(self, module: object, distribution: str) -> None:
        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(hookspecs)
        manager.register(module)
        self._hooks = manager.hook
        self.provider: Provider = self._hooks.koku_provider()
        self.distribution = distribution
        if self.provider.hooks != hookspecs.VERSION:
            raise PluginError(
                f"plugin {self.name} was written for hook version {self.provider.hooks}, this is {hookspecs.VERSION}: "
                f"install the version of {distribution} that fits this koku-core"
            )

    @property
    def name(self) -> str:
        """The provider's short name."""
        return self.provider.name

    def has(self, hook: str) -> bool:
        """Whether the plugin implements a hook."""
        return bool(getattr(self._hooks, hook).get_hookimpls())

    @cached_property
    def summary(self) -> Summary:
        """The daily summary and the templates that fill it."""
        made: Summary = self._hooks.koku_summarize()
        return made

    @cached_property
    def report_map(self) -> ReportMap:
        """Its reports."""
        made: ReportMap = self._hooks.koku_report_map()
        return made

    @cached_property
    def cost_model(self) -> CostModelSpec | None:
        """Its metrics, markup and distributions, if it has any."""
        made: CostModelSpec | None = self._hooks.koku_cost_model()
        return made

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call one of its hooks.

        Raises:
            PluginError: it does not implement it.
        """
        if not self.has(hook):
            raise PluginError(
                f"plugin {self.name} ({self.distribution}) does not implement {hook}",
                plugin=self.name,
                hook=hook,
            )
        return getattr(self._hooks, hook)(**arguments)


class Plugins:
    """The plugins in use. What is installed is what is there; a broken one is a warning, a duplicate provider an error."""

    def __init__(self, names: Iterable[str] | None = None, *, extra: Mapping[str, object] | None = None) -> None:
        """Load the plugins of the entry-point group.

        Args:
            names: load only these; None: all that are installed.
            extra: further plugins by name, as objects (for tests and embedding).

        Raises:
            PluginError: two plugins claim one provider.
            UnknownName: a name of `names` is not installed.
        """
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self.found: list[Loaded] = []
        self._providers: dict[str, ProviderPlugin] = {}
        wanted = None if names is None else tuple(names)
        installed = [(e, d) for d in distributions() for e in d.entry_points if e.group == GROUP]
        if wanted is not None:
            known = {e.name for e, _ in installed} | set(extra or ())
            for missing in [n for n in wanted if n not in known]:
                raise UnknownName("plugin", missing, known)
        for entry, distribution in _unique(installed):
            if wanted is None or entry.name in wanted:
                self._load(entry, distribution)
        for name, module in (extra or {}).items():
            self._add(name, module, f"{name} (given)", "")

    def _load(self, entry: EntryPoint, distribution: Distribution) -> None:
        package, version = distribution.metadata["Name"], distribution.version
        try:
            module = entry.load()
        except Exception as error:  # noqa: BLE001 - whatever a third party's module raises while it is imported
            self._refuse(entry.name, package, version, f"{type(error).__name__}: {error}")
            return
        self._add(entry.name, module, package, version)

    def _add(self, name: str, module: object, package: str, version: str) -> None:
        try:
            self._manager.register(module, name)
            self._manager.check_pending()
            plugin = ProviderPlugin(module, package) if hasattr(module, "koku_provider") else None
        except Exception as error:  # noqa: BLE001 - as above
            if self._manager.is_registered(module):  # else its hooks do not even fit
                self._manager.unregister(module)
            self._refuse(name, package, version, f"{type(error).__name__}: {error}")
            return
        if plugin:
            other = self._providers.get(plugin.name)
            if other:
                raise PluginError(
                    f"Two plugins claim the provider {plugin.name!r}: {other.distribution} and {package}. "
                    f"Uninstall one, or choose with KOKU_PLUGINS.", provider=plugin.name
                )  # fmt: skip
            self._providers[plugin.name] = plugin
        hooks = tuple(sorted(c.name for c in self._manager.get_hookcallers(module) or ()))
        self.found.append(Loaded(name, package, version, hooks))

    def _refuse(self, name: str, package: str, version: str, why: str) -> None:
        self.found.append(Loaded(name, package, version, error=why))
        warnings.warn(f"Plugin {name} of {package} {version} cannot be used: {why}", PluginWarning, stacklevel=4)

    def __iter__(self) -> Any:
        return iter(self._providers.values())

    def provider(self, name: str) -> ProviderPlugin:
        """The plugin of a provider, by its short name in any case.

        Raises:
            UnknownName: none is loaded.
        """
        try:
            return self._providers[name.lower()]
        except KeyError:
            raise UnknownName("provider", name, self._providers) from None

    def by_family(self, family: str) -> ProviderPlugin | None:
        """The plugin of a family (`OCP`), in any case; None: not loaded."""
        return next((p for p in self if p.provider.family.lower() == family.lower()), None)

    def by_path(self, api_path: str) -> ProviderPlugin | None:
        """The plugin whose part of the API's paths this is; None: not loaded."""
        return next((p for p in self if p.provider.api_path == api_path), None)

    def by_upload(self, media_type: str) -> ProviderPlugin | None:
        """The plugin that understands payloads of a media type; None: not loaded."""
        return next((p for p in self if media_type in p.provider.uploads), None)

    def source_type(self, name: str) -> tuple[ProviderPlugin, SourceType]:
        """The plugin and source type of a `source_type` of the API, in any case.

        Raises:
            UnknownName: no loaded plugin has it.
        """
        types = {t.name.lower(): (p, t) for p in self for t in p.provider.source_types}
        try:
            return types[name.lower()]
        except KeyError:
            raise UnknownName("source type", name, (t.name for _, t in types.values())) from None

    @property
    def tell_rates(self) -> bool:
        """Whether a plugin knows exchange rates."""
        return bool(self._manager.hook.koku_exchange_rates.get_hookimpls())

    def exchange_rates(self, today: date) -> dict[tuple[str, str], Decimal]:
        """What plugins say that currencies are worth: (base, target) → factor."""
        said = self._manager.hook.koku_exchange_rates(today=today)
        return {pair: rate for offered in said for pair, rate in offered.items()}

    def executors(self) -> dict[str, Any]:
        """The engines that plugins offer, by name."""
        return {name: kind for offered in self._manager.hook.koku_executors() for name, kind in offered.items()}


def _unique(installed: list[tuple[EntryPoint, Distribution]]) -> list[tuple[EntryPoint, Distribution]]:
    """Without the second listing of a distribution that is on the path twice (an editable install)."""
    seen = {(d.metadata["Name"], e.name): (e, d) for e, d in reversed(installed)}
    return sorted(seen.values(), key=lambda pair: (pair[0].name, pair[1].metadata["Name"]))
