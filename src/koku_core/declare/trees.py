"""What groups of a report can be besides single values: nodes of a tree, and labels of another kind than tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from koku_core.declare.facts import Fact

#: What joins the ids of a path, from the root down.
SEPARATOR = "&"


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree that what is billed lies in, day by day: nodes (organizational units), and in them leaves (accounts).

    `organizations/PROVIDER/` tells it. `group_by[KEY]=NODE` shows what lies directly in a node: each node below it with all that is below
    that one, and each leaf that is in the node itself; every row of the daily summary counts in exactly one of them. Columns are those of
    `fact`, and `path` and `leaf` of the daily summary as well.

    Attributes:
        fact: one of `Summary.details`: for each day a row for each node, whose leaf is null, and a row for each leaf.
        key: the key whose values are nodes (`org_unit_id`); its filters look at the path.
        within: the key whose values are leaves (`account`).
        node, name, path: columns of a node's id, its name, and the ids from the root down to it, joined by `&`.
        leaf, alias: columns of a leaf's id and name.
        kinds: what answers call a node and a leaf.
        entities: what answers call the list of what lies in a node.
        fields: what `organizations/` calls id, name, path, the nodes below, and the leaves.
        several: what a question for several nodes without `or:` is refused under.
    """

    fact: Fact
    key: str
    within: str
    node: str
    name: str
    path: str
    leaf: str
    alias: str
    kinds: tuple[str, str]
    entities: str
    fields: tuple[str, str, str, str, str]
    several: str


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels beside the tags (cost categories): reports know `NAME:KEY` as they know `tag:KEY`.

    A key is known once it was seen, and enabled until somebody disables it by `settings/SETTINGS/`; there is no limit. A question
    about a disabled one has an empty answer. `resource-types/PROVIDER-LISTED/` lists keys with their values.

    Attributes:
        name: what stands before the colon; the kind of the fact's `TagTable` with keys and values.
        column: of labels.
        settings: the end of the settings' path.
        listed: the name of the list.
        switches: its parameters that are true or false, each with the condition that it stands for, over columns of the tag table.
    """

    name: str
    column: str
    settings: str
    listed: str
    switches: Mapping[str, str] = field(default_factory=dict)
