"""Whatever rows come: none is lost, none overtakes another, and the last of each consent wins."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from target_klaviyo.consents import build_subscription
from target_klaviyo.courier import Rehearsal
from target_klaviyo.duplicates import Seen
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

    def __init__(self) -> None:
        self.seen = Seen()

    def list_by_id(self, list_id: str) -> ListFound:
        return ListFound(list_id, ACCEPTED)

    def among_members(self, _list: str, _kind: str, values: set[str]) -> frozenset[str]:
        return frozenset(values)


NOWHERE = Rehearsal(lambda *_told: None)
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
    return build_subscription(
        accepted, Row(number, json.dumps({"record": accepted})), stream_rules()
    )


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


@given(rows, st.integers(0, 30))
def test_no_batch_repeats_what_an_earlier_one_has_sent(
    given_rows: list[dict[str, Any]], cut: int
) -> None:
    """A contrary change of a later batch is sent, the same one is not."""
    directory: Any = Lists()
    items = [item(number, row) for number, row in enumerate(given_rows)]
    effect: dict[tuple[Any, ...], str] = {}
    ends: dict[int, str] = {}
    for batch in (items[:cut], items[cut:]):
        effect |= consents(plan_subscriptions(batch, directory))
        delivery = NOWHERE.deliver(plan_subscriptions(batch, directory), "")
        ends |= {row.number: one.outcome.kind for one in delivery.settled for row in one.item.rows}
        assert not consents(plan_subscriptions(batch, directory))
    assert effect == {key(row): row["consent"] for row in given_rows}
    assert sorted(ends) == list(range(len(given_rows)))


def test_no_consent_outlives_a_withdrawal_that_cannot_be_sent() -> None:
    """The second row's list is not the person's; the first row must not subscribe them."""
    row = {"channel": ("email", "marketing"), "person": 0, "phone": 0}
    directory: Any = Lists()
    directory.among_members = lambda *_: frozenset()
    yes, no = {**row, "consent": "SUBSCRIBED"}, {**row, "consent": "UNSUBSCRIBED"}
    everywhere, stranger = {**no, "list_id": None}, {**no, "list_id": "L1"}
    for told, expected in (
        ([{**yes, "list_id": None}, stranger], {}),
        ([everywhere, {**yes, "list_id": None}, stranger], {key(row): "UNSUBSCRIBED"}),
        ([stranger, {**yes, "list_id": None}], {key(row): "SUBSCRIBED"}),
    ):
        items = [item(number, one) for number, one in enumerate(told)]
        assert consents(plan_subscriptions(items, directory)) == expected
