"""What OpenAPI says of prices and settings: the bodies that are taken, and the objects that are answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from koku_core.costing.model_validation import DISTRIBUTION_TYPES
from koku_core.costing.prices import DESCRIPTION_LIMIT, KEY_LIMIT
from koku_core.costing.rate_validation import COST_TYPES, NAME_LIMIT

Schema = Mapping[str, Any]
TEXT, TRUTH, WHOLE = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}
DAY, MOMENT, UUID = ({"type": "string", "format": name} for name in ("date", "date-time", "uuid"))
NUMBER: Schema = {"type": "number"}
#: Numbers are taken as texts too, so that a client need not round them.
_WRITTEN: Schema = {"anyOf": [NUMBER, TEXT]}
_PERCENT: Schema = {"type": "string", "enum": ["percent"]}


def thing(optional: Mapping[str, Schema] | None = None, /, **needed: Schema) -> dict[str, Any]:
    """An object; `optional` may be missing."""
    made: dict[str, Any] = {"type": "object", "properties": {**needed, **(optional or {})}}
    return made | ({"required": list(needed)} if needed else {})


def several(of: Schema, least: int = 0) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": of, **({"minItems": least} if least else {})}


def choice(*values: str) -> dict[str, Any]:
    """One of some texts."""
    return {"type": "string", "enum": list(values)}


def text(limit: int) -> dict[str, Any]:
    """A text of at most so many characters."""
    return {"type": "string", "maxLength": limit}


def empty(of: Schema) -> dict[str, Any]:
    """The same, or null."""
    return {**of, "nullable": True}


def _rate(number: Schema, metric: Schema, name: Schema, *, taken: bool) -> dict[str, Any]:
    """A rate: tiers, or the values of a label; `taken` is what a request need not say."""
    ends = {"usage_start": empty(number), "usage_end": empty(number), "unit": TEXT}
    price: dict[str, Schema] = {"usage": empty(thing(ends)) if taken else thing(ends)}
    value = {"unit": TEXT, **({} if taken else {"value": number})}
    said: dict[str, Schema] = {"value": number} if taken else {}
    words = {"description": text(DESCRIPTION_LIMIT)}
    labelled = thing({**price, **said, **(words if taken else {})}, tag_value=text(KEY_LIMIT), default=TRUTH, **value,
                     **({} if taken else words))  # fmt: skip
    either = {
        "tiered_rates": several(thing({**price, **said}, **value), 1),
        "tag_rates": thing(tag_key=text(KEY_LIMIT), tag_values=several(labelled, 1)),
    }
    told: dict[str, Schema] = {
        "description": TEXT,
        "custom_name": name,
        "cost_type": empty(TEXT) if taken else choice(*COST_TYPES),
    }
    return thing({**either, **told}, metric=metric) if taken else thing(either, metric=metric, **told)


_LABELS = {"label_metric": TEXT, "label_measurement": TEXT, "label_measurement_unit": TEXT}
METRIC = thing(source_type=TEXT, metric=TEXT, default_cost_type=choice(*COST_TYPES), **_LABELS)
_LABELLED = thing(_LABELS, name=TEXT)
_RATE = _rate(NUMBER, _LABELLED, text(NAME_LIMIT), taken=False)
_RATE_BODY = _rate(_WRITTEN, thing(name=TEXT), text(NAME_LIMIT), taken=True)
#: A rate of a price list as a row of its own, with its numbers as texts.
RATE_ROW = _rate(TEXT, _LABELLED, text(NAME_LIMIT), taken=False)
RATE_ROW["properties"] |= {"rate_id": UUID, "metric_type": TEXT, "default_rate": empty(TEXT)}

_BRIEF = {"uuid": UUID, "name": TEXT}
_VALID = {"effective_start_date": DAY, "effective_end_date": DAY}
_CHANGED = {"created_timestamp": MOMENT, "updated_timestamp": MOMENT}
_SWITCHES = {**thing({"distribution_type": choice(*DISTRIBUTION_TYPES)}), "additionalProperties": TRUTH}
_USER = thing(**_BRIEF, priority=WHOLE)
USERS = several(_USER)
COST_MODEL = thing(
    **_BRIEF, **_CHANGED, description=TEXT, source_type=TEXT, currency=TEXT, rates=several(_RATE), distribution_info=_SWITCHES,
    markup=thing({"value": TEXT, "unit": _PERCENT}), distribution=choice(*DISTRIBUTION_TYPES), source_uuids=several(UUID),
    sources=several(thing({"operator_update_available": TRUTH}, **_BRIEF, last_processed=empty(MOMENT))),
    price_lists=several(thing(**_BRIEF, **_VALID, priority=WHOLE, version=WHOLE, enabled=TRUTH)),
)  # fmt: skip
COST_MODEL_BODY = thing(
    {
        "currency": TEXT, "rates": several(_RATE_BODY), "markup": thing({"value": _WRITTEN, "unit": _PERCENT}),
        "distribution": choice(*DISTRIBUTION_TYPES), "distribution_info": _SWITCHES, "source_uuids": several(UUID),
        "price_list_uuids": empty(several(UUID)),
    },
    name=text(100), description=text(500), source_type=TEXT,
)  # fmt: skip
PRICE_LIST = thing(
    **_BRIEF, **_CHANGED, **_VALID, description=TEXT, currency=TEXT, enabled=TRUTH, version=WHOLE, rates=several(_RATE),
    assigned_cost_model_count=WHOLE, assigned_cost_models=USERS,
)  # fmt: skip
_LIST_MORE = {"description": text(500), "currency": TEXT, "enabled": TRUTH, "rates": several(_RATE_BODY)}
PRICE_LIST_BODY = thing(_LIST_MORE, name=text(255), **_VALID)
PRICE_LIST_CHANGE = thing({**_LIST_MORE, "name": text(255), **_VALID})

_PAIR = {"base_currency": TEXT, "target_currency": TEXT}
_SPAN = {"start_date": DAY, "end_date": DAY}
STATIC_RATE = thing(**_BRIEF, **_PAIR, **_SPAN, **_CHANGED, exchange_rate=NUMBER)
STATIC_RATE_BODY = thing(**_PAIR, **_SPAN, exchange_rate=_WRITTEN)
_CURRENCY = {"code": TEXT, "name": TEXT, "symbol": TEXT, "description": TEXT}
CURRENCY = thing(**_CURRENCY)
CURRENCY_SETTING = thing(
    **_CURRENCY, enabled=TRUTH, has_dynamic_rate=TRUTH, is_disableable=TRUTH, static_rates=several(STATIC_RATE)
)
FED_RATES = {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": NUMBER}}

IDS = thing(ids=several(UUID, 1))
_KEY = {"uuid": UUID, "key": TEXT, "source_type": TEXT}
TAG_KEY = thing(**_KEY, enabled=TRUTH)
CANDIDATE = thing(**_KEY, cost_model_id=empty(UUID))
MAPPING = thing(parent=thing(**_KEY), children=several(thing(**_KEY)))
MAPPING_BODY = thing(parent=UUID, children=several(UUID, 1))
COST_GROUP = thing(project=TEXT, group=empty(TEXT), clusters=several(TEXT), default=empty(TRUTH))
COST_GROUPS_BODY = several(thing(project=TEXT, group=TEXT))
