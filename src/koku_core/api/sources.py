"""`sources/`: register, look at, change and remove sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from koku_core.api import source_status
from koku_core.api.endpoint import Call, Reply, Resource
from koku_core.api.errors import not_found
from koku_core.api.paging import page
from koku_core.api.permissions import sources
from koku_core.api.source_validation import changes, registration
from koku_core.api.wire import stamp
from koku_core.errors import InvalidInput, SourceRefused
from koku_core.plugins import Plugins
from koku_core.sources.model import Source
from koku_core.validation import refuse

DUPLICATE = (
    "Cost management does not allow duplicate accounts. An integration already exists with these details. "
    "Edit integration settings to configure a new integration."
)


def _short(source: Source) -> dict[str, Any]:
    """A source as its creation and change answer it."""
    return {
        "id": str(source.id), "uuid": source.uuid, "name": source.name, "source_type": source.source_type,
        "authentication": {"credentials": _given(source.credentials)},
        "billing_source": {"data_source": _given(source.data_source)} if source.data_source else {},
        "paused": source.paused, "updated_timestamp": stamp(source.updated),
    }  # fmt: skip


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what nobody gave."""
    return {name: value for name, value in values.items() if value not in (None, "", False)}


def _long(call: Call, found: list[Source]) -> list[dict[str, Any]]:
    """Sources with their state."""
    states = source_status.states(call.koku, found)
    return [_described(call, source) | states[source.uuid] for source in found]


def _described(call: Call, source: Source) -> dict[str, Any]:
    _, kind = call.koku.services.plugins.source_type(source.source_type)
    made = _short(source)
    made["source_type_id"] = kind.type_id
    made["source_ref"] = source.key if kind.pushed else None
    return made | {"provider_linked": True, "active": True}


def _find(call: Call) -> Source:
    """The source that the path names by number or uuid."""
    which = call.args["id"]
    found = [s for s in call.koku.sources if which in (str(s.id), s.uuid)]
    if not found:
        raise not_found("Sources" if which.isdecimal() else None)
    return found[0]


def _list(call: Call) -> Reply:
    loaded = {t.name for p in call.koku.services.plugins for t in p.provider.source_types}
    kept = [s for s in call.koku.sources if s.source_type in loaded and _matches(call, s)]
    kept.sort(key=lambda s: (s.name.casefold(), s.id))

    def fetch(limit: int, offset: int) -> list[dict[str, Any]]:
        return _long(call, kept[offset : offset + limit])

    return Reply(page(call.path, call.query, fetch, len(kept)))


def _matches(call: Call, source: Source) -> bool:
    """Whether a source is what the query string asks for; `name` and `filter[name]` are the same."""
    described = _described(call, source)
    for raw, value in call.params:
        key = raw.removeprefix("filter[").removesuffix("]")
        if key in ("name", "type"):
            text = str(described["name" if key == "name" else "source_type"]).casefold()
            if not all(part.strip().casefold() in text for part in value.split(",")):
                return False
        if key in ("source_type_id", "source_ref") and described[key] != value:
            return False
    return True


def create(call: Call) -> Reply:
    """Register a source."""
    wanted = registration(call.body, call.koku.services.plugins)
    key = wanted.kind.identity(wanted.credentials, wanted.data_source)
    if any(s.key == key and s.source_type == wanted.kind.name for s in call.koku.sources):
        raise refuse(DUPLICATE, "source.duplicate")  # before an insert that fails takes a number
    try:
        call.koku.sources.check(wanted.kind.name, wanted.name, wanted.credentials, wanted.data_source)
        source = call.koku.sources.add(
            wanted.kind.name,
            name=wanted.name,
            data_source=wanted.data_source,
            paused=wanted.paused,
            **wanted.credentials,
        )
    except (InvalidInput, SourceRefused) as error:
        raise _said(error) from error
    call.koku.handle.note_account(call.identity.account_number if call.identity else None)
    return Reply(_short(source), 201)


def _said(error: InvalidInput | SourceRefused) -> InvalidInput:
    """The library's refusal in the words of the API."""
    if isinstance(error, SourceRefused):
        return refuse(error.message, error.field)
    if isinstance(error.errors, Mapping) and "source" in error.errors:
        return refuse(DUPLICATE, "source.duplicate")
    return InvalidInput({"authentication": {"credentials": error.errors}})


def _get(call: Call) -> Reply:
    return Reply(_long(call, [_find(call)])[0])


def _patch(call: Call) -> Reply:
    source = _find(call)
    wanted = changes(call.body, source, call.koku.services.plugins)
    try:
        if "credentials" in wanted or "data_source" in wanted:
            now = call.koku.sources.with_secrets(source)
            credentials, place = wanted.get("credentials", now.credentials), wanted.get("data_source", now.data_source)
            call.koku.sources.check(source.source_type, source.name, credentials, place)
        return Reply(_short(call.koku.sources.update(source, **wanted)))
    except (InvalidInput, SourceRefused) as error:
        raise _said(error) from error


def _delete(call: Call) -> Reply:
    call.koku.sources.remove(_find(call), wait=False)
    return Reply(status=204)


def _stats(call: Call) -> Reply:
    return Reply(source_status.statistics(call.koku, _find(call)))


def choices(plugins: Plugins) -> Iterator[Resource]:
    """What forms for sources offer; whoever is known may ask."""
    for plugin in plugins:
        for name, make in plugin.provider.choices.items():
            yield Resource(
                f"sources/{name}/", {"GET": partial(_choices, make)}, f"What a source of {plugin.provider.label} may choose from.",
                gate=False, parameters=("limit", "offset"),
            )  # fmt: skip


def _choices(make: Callable[[], Sequence[str]], call: Call) -> Reply:
    values = list(make())
    return Reply(page(call.path, call.query, values, len(values)))


_FILTERS = ("limit", "offset", "name", "type", "source_type_id", "source_ref")
RESOURCES = (
    Resource("sources/", {"GET": _list, "POST": create}, "The sources, by name.", sources, slash="both", parameters=_FILTERS),
    Resource("sources/{id}/", {"GET": _get, "PATCH": _patch, "DELETE": _delete}, "One source, by number or uuid.", sources, slash="both"),
    Resource("sources/{id}/stats/", {"GET": _stats}, "The deliveries of a source, by month.", sources),
)  # fmt: skip
