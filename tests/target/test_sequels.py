"""Plans that follow from what became of other plans."""

from __future__ import annotations

from collections.abc import Sequence

from target_klaviyo.courier import Delivery, with_sequels
from target_klaviyo.items import Item
from target_klaviyo.outcomes import ACCEPTED
from target_klaviyo.plans import Plan, Settled


def test_sequels_may_be_many() -> None:
    def following(left: int) -> Plan:
        def then(settled: Sequence[Settled]) -> Plan:
            done = [*settled, Settled(Item((), b""), ACCEPTED)]
            return Plan(settled=done) if left == 0 else replaced(following(left - 1), done)

        return Plan(then=then)

    def replaced(plan: Plan, settled: list[Settled]) -> Plan:
        return Plan(plan.waves, settled, then=plan.then)

    total = with_sequels(following(2_000), lambda plan: Delivery(list(plan.settled), requests=1))
    assert len(total.settled) == 2_001
    assert total.requests == 2_002
