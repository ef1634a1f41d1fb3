"""Which delivery's rows a day consists of."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from koku_core.declare.deliveries import WHOLE_DAY
from koku_core.intake.merge import plan

DAY, NEXT = date(2026, 11, 1), date(2026, 11, 2)


def test_a_day_that_is_not_there_is_taken_as_it_is() -> None:
    made = plan("b", {DAY: 0b11}, {}, ())
    assert (made.days, made.whole, made.stay, made.parts) == ({DAY}, {DAY: 0b11}, set(), {})


def test_hours_not_delivered_again_stay() -> None:
    made = plan("b", {DAY: 0b1100}, {DAY: {"a": 0b0011}}, ())
    assert (made.stay, made.whole, made.parts) == ({(DAY, "a")}, {DAY: 0b1100}, {})


def test_hours_delivered_again_are_replaced() -> None:
    assert plan("b", {DAY: 0b1111}, {DAY: {"a": 0b0011}}, ()).stay == set()
    made = plan("b", {DAY: 0b0110}, {DAY: {"a": 0b0011}}, ())
    assert (made.whole, made.parts) == ({DAY: 0b0110}, {"a": {DAY: 0b0001}})


def test_a_whole_day_replaces_whatever_was_there() -> None:
    made = plan("b", {DAY: WHOLE_DAY}, {DAY: {"a": 0b11, "c": WHOLE_DAY}}, ())
    assert (made.whole, made.stay, made.parts) == ({DAY: WHOLE_DAY}, set(), {})


def test_an_older_delivery_that_comes_late_takes_only_what_is_left() -> None:
    made = plan("a", {DAY: 0b1111, NEXT: 0b1}, {DAY: {"b": 0b0011}, NEXT: {"b": 0b1}}, {"b"})
    assert (made.stay, made.whole, made.parts) == ({(DAY, "b"), (NEXT, "b")}, {}, {"a": {DAY: 0b1100}})


def test_the_same_delivery_replaces_itself_and_leaves_days_that_it_no_longer_has() -> None:
    made = plan("a", {DAY: 0b1}, {DAY: {"a": 0b111}, NEXT: {"a": 0b1, "b": 0b10}}, ())
    assert made.days == {DAY, NEXT}
    assert (made.whole, made.stay, made.parts) == ({DAY: 0b1}, {(NEXT, "b")}, {})


@given(st.lists(st.integers(1, 2**24 - 1), min_size=1, max_size=6), st.randoms())
def test_in_any_order_the_last_accepted_has_its_hours(masks: list[int], source: object) -> None:
    """Each hour belongs to the delivery that was accepted last among those that cover it, whatever order they are worked off in."""
    order = list(range(len(masks)))
    source.shuffle(order)  # type: ignore[attr-defined]  # Hypothesis gives a Random
    lake: dict[str, int] = {}
    for number in order:
        newer = {str(other) for other in range(number + 1, len(masks))} & lake.keys()
        made = plan(str(number), {DAY: masks[number]}, {DAY: lake}, newer)
        lake = {other: lake[other] for _, other in made.stay}
        lake |= {other: parts[DAY] for other, parts in made.parts.items()}
        lake |= {str(number): mask for mask in made.whole.values()}
    for hour in range(24):
        owners = [number for number, mask in enumerate(masks) if mask >> hour & 1]
        assert [int(o) for o, mask in lake.items() if mask >> hour & 1] == owners[-1:]
