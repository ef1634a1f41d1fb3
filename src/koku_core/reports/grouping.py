"""Which groups a question has, and how they nest."""

from __future__ import annotations

from koku_core.reports import inside
from koku_core.reports.draft import Draft
from koku_core.reports.parameters import Group, Name


def groups(question: Draft) -> list[Group]:
    """The groups in nesting order; a key that is named by several operators is one group."""
    found: dict[str, Group] = {}
    looked_into = inside.asked(question)
    hidden = (looked_into.tree.key, looked_into.tree.within) if looked_into else ()
    for written in question.maps["group_by"]:
        name = Name.read(written)
        if name.full in hidden:
            continue
        if name.operator == "exact":  # accepted without effect: clients rely on the answer of the question without it
            continue
        key = None if name.is_label else question.keys[name.key]
        if key is not None and key.inert:
            continue
        position = question.text.find(name.key)
        found.setdefault(name.full, Group(name, key, _label(question, name), position, question.column(name)))
    made = (inside.groups(looked_into) if looked_into else []) + sorted(found.values(), key=_position)
    within = question.report.within
    if within and within not in found and not (made and question.maps["filter"].get("limit")):
        made.append(_added(question, within))
    usual = () if question.maps["group_by"] else question.report.usual_groups
    return [*(_added(question, k) for k in usual), *made, *(_added(question, k) for k in question.parts)]


def _added(question: Draft, key: str) -> Group:
    """A group that nobody asked for."""
    return Group(Name.read(key), question.keys[key], key, len(question.text))


def _label(question: Draft, name: Name) -> str:
    """A label is called by its key, unless a row has something else of that name."""
    report = question.report
    taken = {"date", "source_uuid", "values", "delta_value", "delta_percent", *question.keys}
    taken |= {f.path.split(".")[0] for f in report.figures}
    taken |= {x.name for x in report.lists} | {t.name for t in report.texts}
    return name.full if name.is_label and name.key in taken else name.key


def _position(group: Group) -> int:
    return group.position
