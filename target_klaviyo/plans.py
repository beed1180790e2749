"""What builders and plans share: the rules of a stream, requests to send, and how they settle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from klaviyo_client.errors import KlaviyoError
from target_klaviyo.chunks import Envelope, Limits, chunks, fits
from target_klaviyo.duplicates import Seen
from target_klaviyo.items import Item
from target_klaviyo.outcomes import Outcome, Row

# Klaviyo writes KB and MB; the decimal reading is inside the binary one.
KILOBYTE, MEGABYTE = 1_000, 1_000_000


@dataclass(frozen=True, slots=True)
class JobRule:
    """The operations that read a bulk job and the rows that it refused.

    Without `errors`, the job itself lists them among its attributes.
    """

    state: str
    errors: str | None


@dataclass(frozen=True, slots=True)
class Transport:
    """An operation that takes items, and what its success means.

    Without `job`, Klaviyo's 2xx is all that it ever says. Repeating a request changes nothing
    where `repeat_safe`: profiles upsert, events carry a unique id, members are added once. Where
    not, a lost answer leaves its items unknown. `conflict` is the outcome of a 409 that names the
    profile which is there already, where that is no refusal.
    """

    operation: str
    limits: Limits
    envelope: Envelope
    job: JobRule | None = None
    repeat_safe: bool = True
    conflict: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Shipment:
    """One request."""

    transport: Transport
    items: tuple[Item, ...]
    path: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """An item and what became of it."""

    item: Item
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Plan:
    """The requests of a batch: waves go out one after the other, requests of a wave together.

    With `error`, planning broke off: nothing goes out, and only `settled` has been dealt with.
    `then` makes the next plan of everything that has settled, some of which it may try anew.
    """

    waves: Sequence[Sequence[Shipment]] = ()
    settled: Sequence[Settled] = ()
    error: KlaviyoError | None = None
    then: Callable[[Sequence[Settled]], Plan] | None = None


@dataclass(frozen=True, slots=True)
class StreamRules:
    """What a builder needs to know of its stream and of this run.

    Attributes:
        keys: The stream's key properties.
        earliest: Event times before this are refused.
        latest: Event times after this are refused.
        now: When the run began.
        recent: Events before this that are no backfill may start flows.
        clear_nulls: Whether a null empties a field (`null_policy: clear`).
        immediate: Whether each row goes out by itself, to be visible at once.
        notice: Says something once for each stream: a key, and the text.
    """

    keys: Sequence[str]
    earliest: datetime
    latest: datetime
    now: datetime
    recent: datetime
    clear_nulls: bool
    immediate: bool
    notice: Callable[[str, str], None]


@dataclass(slots=True)
class Roster:
    """A place that is mirrored (a list): what was in it before the run, and what rows name."""

    before: frozenset[str]
    given: set[str] = field(default_factory=set)

    def gone(self) -> list[str]:
        """What no row names, in a fixed order."""
        return sorted(self.before - self.given)


class Inventory(Protocol):
    """What plans may ask about things, answered anew each time."""

    def known_ids(self, operation: str, kind: str, ids: Sequence[str] | None) -> frozenset[str]:
        """Which of these ids are there; with None, all that are there."""

    def coupon_codes(self, coupon: str, codes: Iterable[str]) -> frozenset[str]:
        """Which of these unique codes a coupon has; none where there is no such coupon."""

    def tag_ids(self) -> Mapping[str, str]:
        """The id of each tag, by its name."""

    def data_sources(self) -> Mapping[str, str]:
        """The title of each data source, by its id."""

    def related(self, operation: str, owner: str) -> frozenset[str] | None:
        """The ids on the other side of a relationship; None where its owner is not there."""


class Directory(Protocol):
    """What plans may ask of Klaviyo, with answers remembered."""

    def list_named(self, name: str, opt_in_process: str | None, *, create: bool) -> ListFound:
        """The list of that name, created if it is missing and `create` allows it."""

    def list_by_id(self, list_id: str) -> ListFound:
        """The list of that id, if there is one."""

    def profile_ids(self, kind: str, values: Iterable[str]) -> Mapping[str, str | None]:
        """Profile id by identifier (`email`, `phone_number`, `external_id`); None: nobody."""

    def among_members(self, list_id: str, kind: str, values: Iterable[str]) -> frozenset[str]:
        """Which of these (`email` or `phone_number`) belong to people on a list."""

    def subscriptions(self, kind: str, values: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """The consents and suppressions of those who have one of these; asked anew."""

    def namesakes(self, name: str, source_id: str) -> Sequence[str]:
        """The lists of another account that have come by this name, this one among them."""

    @property
    def seen(self) -> Seen:
        """What Klaviyo took in this run and must not get again."""

    def member_rosters(self, sink: str, list_ids: Iterable[str]) -> Mapping[str, Roster]:
        """The rosters of lists that a sink mirrors, by list, each read when first asked for."""

    def roster(self, sink: str, place: str, read: Callable[[], frozenset[str]]) -> Roster:
        """The roster of a place that a sink mirrors, read when it is first asked for."""

    def rosters(self, sink: str) -> Mapping[str, Roster]:
        """Every roster of a sink, by place."""

    @property
    def inventory(self) -> Inventory:
        """What there is beside people and lists."""

    @property
    def create_lists(self) -> bool:
        """Whether rows may bring lists into being by naming them."""


@dataclass(frozen=True, slots=True)
class ListFound:
    """A list looked up; without an id, `outcome` says why."""

    id: str | None
    outcome: Outcome


Accepted = Mapping[str, Any]
Build = Callable[[Accepted, Row, StreamRules], Item]
MakePlan = Callable[[Sequence[Item], Directory], Plan]


def oversize(transport: Transport, item: Item) -> Settled | None:
    """The refusal of an item that no request of `transport` can hold."""
    if fits(item, transport.limits, transport.envelope):
        return None
    size = transport.limits.item_bytes // KILOBYTE
    return Settled(item, Outcome("rejected", f"is larger than {size} KB, Klaviyo's limit"))


def shipped(transport: Transport, items: Iterable[Item]) -> Plan:
    """The requests that carry `items` in order; what is too large is refused."""
    fitting: list[Item] = []
    refused: list[Settled] = []
    for item in items:
        too_large = oversize(transport, item)
        if too_large:
            refused.append(too_large)
        else:
            fitting.append(item)
    cut = chunks(fitting, transport.limits, transport.envelope)
    return Plan([[Shipment(transport, chunk) for chunk in cut]], refused)
