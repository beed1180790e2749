"""Withdrawals of consent in rows that are refused: no consent that came before goes out either.

Such a row (an unreadable phone number beside a good address) cannot be sent as it is. It says all
the same that somebody does not want to be written to, and who that is where one identifier can be
read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from target_klaviyo.consents import SUBSCRIBED, TYPES
from target_klaviyo.items import Item
from target_klaviyo.outcomes import Outcome
from target_klaviyo.plans import Directory, MakePlan, Plan, Settled
from target_klaviyo.values import TRUE

WITHHELD = Outcome(
    "skipped", "a later row of this person, which was refused, may take it back; mend that one"
)
# What may name somebody.
NAMES = ("id", "email", "phone_number", "anonymous_id")
# Words that take nothing back; any other one in a refused row may have been meant to.
HARMLESS = {SUBSCRIBED, "SUBSCRIBE", "NEVER_SUBSCRIBED", "", *map(str.upper, TRUE)}
CHANNELS = frozenset(TYPES[SUBSCRIBED])


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A refused withdrawal, and how many rows had come before it; without channel, of all."""

    before: int
    channel: str | None

    def takes_back(self, item: Item, place: int) -> bool:
        """Whether it takes back the consent in the item at a place of the batch."""
        given = item.content.get("consent") == SUBSCRIBED
        return given and place < self.before and self.channel in (None, item.content["key"][0])


@dataclass(slots=True)
class Withdrawals:
    """The refused withdrawals of a batch, by whom they name."""

    _by_name: dict[str, list[Withdrawal]] = field(default_factory=dict)

    def note(self, said: Mapping[str, Any], before: int) -> None:
        """Take in what can be read of a refused row, which came after `before` others."""
        if not before or word(said.get("consent")).upper() in HARMLESS:
            return
        channel = word(said.get("channel")).lower()
        found = Withdrawal(before, channel if channel in CHANNELS else None)
        for name in named(said):
            self._by_name.setdefault(name, []).append(found)

    def respected(self, plan: MakePlan) -> MakePlan:
        """The same plan for all items whose consent none of these takes back."""
        if not self._by_name:
            return plan
        known, self._by_name = self._by_name, {}

        def respecting(items: Sequence[Item], directory: Directory) -> Plan:
            kept: list[Item] = []
            settled: list[Settled] = []
            for place, item in enumerate(items):
                names = (*item.identities, *item.content.get("aliases", ()))
                found = (one for name in names for one in known.get(name, ()))
                if any(one.takes_back(item, place) for one in found):
                    settled.append(Settled(item, WITHHELD))
                else:
                    kept.append(item)
            made = plan(kept, directory)
            return replace(made, settled=[*settled, *made.settled])

        return respecting


def word(value: Any) -> str:
    """A value as one of Klaviyo's words; "" for none."""
    return "" if value is None else str(value).strip()


def named(said: Mapping[str, Any]) -> Iterable[str]:
    """Whom a row names."""
    return (f"{name}:{str(said[name]).lower()}" for name in NAMES if said.get(name))
