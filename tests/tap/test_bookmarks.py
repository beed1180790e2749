from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from klaviyo_client.errors import ConfigurationError
from tap_klaviyo.bookmarks import Bookmark

CEILING = datetime(2026, 11, 1, tzinfo=timezone.utc)


def bookmark(state: dict[str, Any], *, resumable: bool = True) -> Bookmark:
    return Bookmark(state, "updated", CEILING, resumable=resumable)


def day(number: int) -> str:
    return f"2026-10-{number:02}T00:00:00+00:00"


def state_at(value: str) -> dict[str, Any]:
    return {"replication_key": "updated", "replication_key_value": value}


def test_moves_with_every_record_of_an_ordered_stream() -> None:
    state: dict[str, Any] = {}
    mark = bookmark(state)
    assert mark.see(day(2))
    assert state == state_at(day(2))
    assert not mark.see(day(2))
    assert mark.see(day(3))
    assert state == state_at(day(3))


def test_records_inside_the_look_back_do_not_move_it_back() -> None:
    state = state_at(day(10))
    mark = bookmark(state)
    assert mark.start == datetime(2026, 10, 10, tzinfo=timezone.utc)
    assert not mark.see(day(4))
    assert not mark.see(day(3))
    assert not mark.finish()
    assert state == state_at(day(10))
    assert mark.see(day(11))
    assert state == state_at(day(11))


def test_future_dated_records_leave_it_at_the_start_of_the_run() -> None:
    state: dict[str, Any] = {}
    mark = bookmark(state)
    mark.see("2027-06-01T00:00:00+00:00")
    assert state == state_at("2026-11-01T00:00:00+00:00")


@pytest.mark.parametrize("days", [(2, 9, 5, 12), (10, 3, 8, 12), (10, 3, 12)])
@pytest.mark.parametrize("start", [None, 1])
def test_disorder_takes_it_back_until_everything_is_emitted(
    days: tuple[int, ...], start: int | None
) -> None:
    before = state_at(day(start)) if start else {}
    state = dict(before)
    mark = bookmark(state)
    for number in days:
        mark.see(day(number))
    assert state == before, "rows between may still come"
    assert mark.finish()
    assert state == state_at(day(12))


def test_a_bookmark_of_the_future_counts_as_now() -> None:
    state = state_at("2099-01-01T00:00:00+00:00")
    mark = bookmark(state)
    assert mark.was_future
    assert mark.start == CEILING
    assert state == state_at("2026-11-01T00:00:00+00:00")


def test_untrusted_order_moves_it_only_at_the_end() -> None:
    state: dict[str, Any] = {}
    mark = bookmark(state, resumable=False)
    assert not mark.see(day(8))
    assert state == {}
    assert mark.finish()
    assert state == state_at(day(8))


def test_a_bookmark_of_another_key_does_not_count() -> None:
    mark = bookmark({"replication_key": "created", "replication_key_value": day(3)})
    assert mark.start is None


@pytest.mark.parametrize("value", ["last tuesday", 1_693_000_000, ["x"], {"a": 1}, True])
def test_a_broken_bookmark_is_named(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="replication_key_value"):
        bookmark(state_at(value))
