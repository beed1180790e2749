"""Whatever rows come: none is lost, none overtakes another, and the last of each consent wins."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from target_klaviyo.consents import build_subscription
from target_klaviyo.items import Item
from target_klaviyo.outcomes import ACCEPTED, Row
from target_klaviyo.plans import ListFound, Plan
from target_klaviyo.subscriptions import plan_subscriptions
from tests.target.running import stream_rules

CHANNELS = [
    ("email", "marketing"),
    ("email", "open_tracking"),
    ("sms", "marketing"),
    ("sms", "transactional"),
    ("whatsapp", "marketing"),
]


class Lists:
    """An account where every list exists and everybody is on it."""

    create_lists = True

    def list_by_id(self, list_id: str) -> ListFound:
        return ListFound(list_id, ACCEPTED)

    def among_members(self, _list: str, _kind: str, values: set[str]) -> frozenset[str]:
        return frozenset(values)


rows = st.lists(
    st.fixed_dictionaries(
        {
            "consent": st.sampled_from(["SUBSCRIBED", "UNSUBSCRIBED"]),
            "channel": st.sampled_from(CHANNELS),
            "person": st.integers(0, 3),
            "phone": st.integers(0, 3),
            "list_id": st.sampled_from([None, "L1", "L2"]),
        }
    ),
    max_size=30,
)


def item(number: int, row: dict[str, Any]) -> Item:
    channel, kind = row["channel"]
    accepted = {
        "consent": row["consent"],
        "channel": channel,
        "message_type": kind,
        "email": f"p{row['person']}@shop.org",
        "phone_number": f"+1415555010{row['phone']}",
        "list_id": row["list_id"],
    }
    return build_subscription(accepted, Row(number, {"record": accepted}), stream_rules())


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    channel, kind = row["channel"]
    return channel, kind, row["person"] if channel == "email" else row["phone"]


def consents(plan: Plan) -> dict[tuple[Any, ...], str]:
    """What is in effect after all requests, by consent."""
    found: dict[tuple[Any, ...], str] = {}
    for wave in plan.waves:
        for one in (one for shipment in wave for one in shipment.items):
            attributes = json.loads(one.body)["attributes"]
            for channel, kinds in attributes["subscriptions"].items():
                name = attributes["email" if channel == "email" else "phone_number"]
                number = int(name[1] if channel == "email" else name[-1])
                found |= {(channel, kind, number): said["consent"] for kind, said in kinds.items()}
    return found


@given(rows)
def test_nothing_is_lost_and_the_last_wins(given_rows: list[dict[str, Any]]) -> None:
    plan = plan_subscriptions(
        [item(number, row) for number, row in enumerate(given_rows)],
        Lists(),  # type: ignore[arg-type]
    )
    shipped = [one for wave in plan.waves for shipment in wave for one in shipment.items]
    settled = [one.item for one in plan.settled]
    numbers = [row.number for one in (*shipped, *settled) for row in one.rows]
    assert sorted(numbers) == list(range(len(given_rows)))
    for wave in plan.waves:
        people = [name for shipment in wave for one in shipment.items for name in one.identities]
        assert len(people) == len(set(people))
    assert consents(plan) == {key(row): row["consent"] for row in given_rows}
