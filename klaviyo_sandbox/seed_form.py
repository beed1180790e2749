"""What a seeded account is made from, and the ids of what was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from klaviyo_sandbox.clock import MICROSECONDS, microseconds
from klaviyo_sandbox.store import Resource

DATE = "2026-09-01T00:00:00+00:00"
EVENT_BYTES = 1_150


@dataclass(frozen=True, slots=True)
class Seed:
    """The number, the size and the oddities of an account.

    `date` is the day on which its history ends; `event_bytes` is about the size of an event in
    an answer; `traps` puts in the oddities; an `empty` account holds nothing but itself. Half of
    the events crowd into the last day, or into so many `bursts` over the year.
    """

    number: int = 7
    profiles: int = 1_000
    events: int = 20_000
    date: str = DATE
    event_bytes: int = EVENT_BYTES
    traps: bool = True
    empty: bool = False
    bursts: int = 0

    @property
    def end(self) -> float:
        """Seconds since 1970 at which the history ends."""
        return microseconds(self.date) / MICROSECONDS


@dataclass
class Account:
    """The ids of what was made, for what refers to it, and the resources themselves."""

    metrics: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)
    campaigns: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)


def some_tags(random: Random, account: Account, number: int) -> dict[str, list[str]]:
    """Two tags for every other resource."""
    return {"tags": random.sample(account.tags, k=2)} if number % 2 == 0 else {}
