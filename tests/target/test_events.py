import json
from types import SimpleNamespace
from typing import Any

import pytest

from target_klaviyo.duplicates import Seen
from target_klaviyo.events import build_event, plan_events, unique_id
from target_klaviyo.items import Item
from target_klaviyo.outcomes import ACCEPTED, DUPLICATE, Row, RowError
from target_klaviyo.plans import Settled
from tests.target.running import stream_rules

EVENT = {"email": "ada@shop.org", "metric": "Placed Order", "time": "2026-01-30T12:00:00+00:00"}


def built(rules: Any = None, **changes: Any) -> Item:
    record = {**EVENT, **changes}
    return build_event(record, Row(1, json.dumps({"record": record})), rules or stream_rules())


def directory() -> Any:
    """What a plan asks for where no row names a profile id."""
    return SimpleNamespace(seen=Seen())


def attributes(item: Item) -> Any:
    return json.loads(item.body)["attributes"]


def test_an_event() -> None:
    made = built(properties={"a": 1, "b": None, "c": ""}, value_currency="EUR", profile_id="01X")
    found = attributes(made)
    assert found["properties"] == {"a": 1}
    assert found["value_currency"] == "EUR"
    assert found["metric"]["data"]["attributes"] == {"name": "Placed Order"}
    assert json.loads(made.group) == {
        "type": "profile",
        "id": "01X",
        "attributes": {"email": "ada@shop.org"},
    }


def test_value_and_currency_of_copied_events() -> None:
    found = attributes(built(properties={"$value": 3, "$value_currency": "EUR", "a": 1}))
    assert (found["value"], found["value_currency"], found["properties"]) == (3, "EUR", {"a": 1})
    assert attributes(built(value=0, properties={"$value": 3}))["value"] == 0


RECORD = {"order": 7, "line": "2"}


@pytest.mark.parametrize(
    ("accepted", "keys", "expected"),
    [
        ({"unique_id": "u"}, ("order",), "u"),
        ({}, ("order",), "7"),
        ({}, ("order", "line"), '[7,"2"]'),
    ],
)
def test_unique_ids(accepted: dict[str, str], keys: tuple[str, ...], expected: str) -> None:
    assert unique_id(accepted, RECORD, keys, b"") == expected


def test_unique_ids_that_are_hashed() -> None:
    assert len(unique_id({}, RECORD, (), b"content")) == 64
    assert len(unique_id({}, {"order": "x" * 256}, ("order",), b"")) == 64
    assert len(unique_id({}, {"order": ""}, ("order",), b"")) == 64


def test_the_hash_of_a_row_does_not_depend_on_the_order_of_its_columns() -> None:
    rows = [dict(EVENT), dict(reversed(EVENT.items()))]
    found = [
        attributes(build_event(EVENT, Row(1, json.dumps({"record": row})), stream_rules()))
        for row in rows
    ]
    assert found[0]["unique_id"] == found[1]["unique_id"]


@pytest.mark.parametrize("email", ["a@example.com", "A@TEST.COM"])
def test_domains_that_klaviyo_drops(email: str) -> None:
    with pytest.raises(RowError, match="silently drops"):
        built(email=email)
    assert built(email="a@contest.com")


def test_the_same_unique_id_of_another_person_or_metric_is_another_event() -> None:
    changes: list[dict[str, str]] = [{}, {"metric": "Other"}, {"email": "bob@shop.org"}]
    items = [built(unique_id="1", **one) for one in changes]
    plan = plan_events([*items, built(unique_id="1")], directory())
    ((shipment,),) = plan.waves
    assert len(shipment.items) == 3
    assert plan.then is not None
    (repeated,) = plan.then([Settled(item, ACCEPTED) for item in items]).settled[3:]
    assert repeated.outcome == DUPLICATE


def test_notices_about_old_events() -> None:
    said: list[str] = []
    rules = stream_rules(notice=lambda key, _: said.append(key))
    built(rules, time="2026-01-30T12:00:00+00:00", unique_id="1")
    built(rules, time="2025-01-30T12:00:00+00:00", unique_id="2", backfill=False)
    assert said == []
    built(rules, time="2025-01-30T12:00:00+00:00", unique_id="3")
    assert said == ["old events"]


def test_events_of_one_person_stand_together() -> None:
    rules = stream_rules()
    emails = ["a@shop.org", "b@shop.org", "a@shop.org"]
    items = [built(rules, email=one, unique_id=str(n)) for n, one in enumerate(emails)]
    ((shipment,),) = plan_events(items, directory()).waves
    assert [attributes(item)["unique_id"] for item in shipment.items] == ["0", "2", "1"]
