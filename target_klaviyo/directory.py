"""Lists and people of the account, looked up once each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import (
    ApiError,
    ConnectionFailedError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)
from klaviyo_client.filters import condition
from klaviyo_client.query import Query
from target_klaviyo.delivery import ABOUT_ITEMS, refused_outcome
from target_klaviyo.duplicates import Seen
from target_klaviyo.inventory import AT_ONCE, AccountInventory, in_batches
from target_klaviyo.items import ENCODER
from target_klaviyo.outcomes import ACCEPTED, Outcome
from target_klaviyo.plans import ListFound, Roster

logger = logging.getLogger("target-klaviyo")

# Begins what stands for the id of a list that a dry run would have created.
DRY_RUN = "dry-run"
FOUND = Outcome("skipped", "list exists already")
AMBIGUOUS = Outcome("rejected", "several lists have this name; give list_id instead")
MISSING = Outcome("rejected", "no list has this name (create_lists lets only additions make one)")
UNKNOWN_ID = Outcome("rejected", "no list has this list_id")
LOST = Outcome("unknown", "the connection broke off while the list was being created; look for it")

Together = Callable[[Callable[[list[str]], Any], list[list[str]]], Iterable[Any]]


class AccountDirectory:
    """Finds lists by name and profiles by identifier; remembers what it found.

    `requests` counts what it asked; `seen` is what Klaviyo took in this run. With `create_lists`,
    rows may bring lists into being by naming them.
    """

    def __init__(
        self,
        client: KlaviyoClient,
        *,
        create_lists: bool,
        dry_run: bool,
        together: Together = map,
    ) -> None:
        """Ask through `client`; `together` maps a function over batches, perhaps at once."""
        self._client = client
        self.create_lists = create_lists
        self._dry_run = dry_run
        self._together = together
        self._lists: dict[str, ListFound] = {}
        self._list_ids: dict[str, ListFound] = {}
        self._profiles: dict[tuple[str, str], str] = {}
        self._sources: dict[str, dict[str, None]] = {}
        self._rosters: dict[str, dict[str, Roster]] = {}
        self.seen = Seen()
        self.requests = 0
        self.inventory = AccountInventory(client, self._asked)

    def _asked(self) -> None:
        """Count a request that the inventory sends."""
        self.requests += 1

    def list_named(self, name: str, opt_in_process: str | None, *, create: bool) -> ListFound:
        """The list of that name, created if it is missing and `create` allows it.

        Raises:
            KlaviyoError: Klaviyo could not be asked.
        """
        known = self._lists.get(name)
        if known and not (create and known.outcome is MISSING):
            return known
        try:
            found = known or self._lookup(name)
            if found.outcome is MISSING and create:
                found = self._created(name, opt_in_process)
        except ApiError as error:
            found = refused_list(error)
        # The row that created it was accepted; whoever names it later finds it.
        self._lists[name] = ListFound(found.id, FOUND) if found.id else found
        return found

    def list_by_id(self, list_id: str) -> ListFound:
        """The list of that id, looked up once.

        Asked before members are sent: Klaviyo's 404 to those does not say whether it is the list
        or a person that is missing.

        Raises:
            KlaviyoError: Klaviyo could not be asked.
        """
        if list_id not in self._list_ids:
            self._list_ids[list_id] = self._lookup_id(list_id)
        return self._list_ids[list_id]

    def _lookup_id(self, list_id: str) -> ListFound:
        """Whether Klaviyo has a list of that id."""
        self.requests += 1
        try:
            self._client.get("get_list", Query(fields={"list": ("name",)}), path={"id": list_id})
        except NotFoundError:
            return ListFound(None, UNKNOWN_ID)
        except PermissionDeniedError:
            # A key that may write lists but not read them can still add members.
            return ListFound(list_id, FOUND)
        except ApiError as error:
            return refused_list(error)
        return ListFound(list_id, FOUND)

    def _lookup(self, name: str) -> ListFound:
        """What Klaviyo has under that name."""
        query = Query(filter=condition("any", "name", [name]), fields={"list": ("name",)})
        self.requests += 1
        ids: list[str] = []
        for page in self._client.pages("get_lists", query):
            resources = msgspec.json.decode(page.data)
            ids.extend(one["id"] for one in resources if one["attributes"]["name"] == name)
        if len(ids) > 1:
            return ListFound(None, AMBIGUOUS)
        return ListFound(ids[0], FOUND) if ids else ListFound(None, MISSING)

    def _created(self, name: str, opt_in_process: str | None) -> ListFound:
        """A new list; a lost answer is settled by looking again."""
        if self._dry_run:
            return ListFound(f"{DRY_RUN} {name}", ACCEPTED)
        attributes = {"name": name}
        if opt_in_process:
            attributes["opt_in_process"] = opt_in_process
        body = ENCODER.encode({"data": {"type": "list", "attributes": attributes}})
        self.requests += 1
        try:
            answer = self._client.write("create_list", body)
        except (ConnectionFailedError, ServerError) as error:
            if isinstance(error, ConnectionFailedError) and not error.sent:
                raise
            found = self._lookup(name)
            return ListFound(found.id, ACCEPTED if found.id else LOST)
        return ListFound(answer.json()["data"]["id"], ACCEPTED)

    def profile_ids(self, kind: str, values: Iterable[str]) -> Mapping[str, str | None]:
        """Profile id by identifier; None where nobody has it. Misses are asked again next time.

        Raises:
            KlaviyoError: Klaviyo could not be asked.
        """
        wanted = list(values)
        missing = [value for value in wanted if (kind, folded(kind, value)) not in self._profiles]
        batches = in_batches(both_ways(kind, missing))
        self.requests += len(batches)
        for found in self._together(lambda batch: self._search(kind, batch), batches):
            self._profiles |= found
        return {value: self._profiles.get((kind, folded(kind, value))) for value in wanted}

    def subscriptions(self, kind: str, values: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """The consents and suppressions of those who have one of these; asked anew.

        Raises:
            KlaviyoError: Klaviyo could not be asked.
        """

        def search(batch: list[str]) -> dict[str, Mapping[str, Any]]:
            query = Query(
                filter=condition("any", kind, batch),
                fields={"profile": (kind,)},
                additional_fields={"profile": ("subscriptions",)},
                page_size=AT_ONCE,
            )
            return {
                folded(kind, str(one["attributes"][kind])): one["attributes"]["subscriptions"] or {}
                for page in self._client.pages("get_profiles", query)
                for one in msgspec.json.decode(page.data)
            }

        wanted = list(values)
        batches = in_batches(both_ways(kind, wanted))
        self.requests += len(batches)
        # Those whom a dry run takes to exist have no consents yet.
        names = (folded(kind, one) for one in wanted)
        found: dict[str, Mapping[str, Any]]
        found = {name: {} for name in names if (kind, name) in self._profiles}
        for part in self._together(search, batches):
            found |= part
        return found

    def namesakes(self, name: str, source_id: str) -> Sequence[str]:
        """The lists of another account that have come by this name, this one among them."""
        self._sources.setdefault(name, {})[source_id] = None
        return list(self._sources[name])

    def among_members(self, list_id: str, kind: str, values: Iterable[str]) -> frozenset[str]:
        """Which of these (`email` or `phone_number`) belong to people on a list; asked anew.

        Raises:
            KlaviyoError: Klaviyo could not be asked.
        """

        def search(batch: list[str]) -> list[str]:
            query = Query(
                filter=condition("any", kind, batch), fields={"profile": (kind,)}, page_size=AT_ONCE
            )
            pages = self._client.pages("get_profiles_for_list", query, path={"id": list_id})
            return [
                str(one["attributes"][kind])
                for page in pages
                for one in msgspec.json.decode(page.data)
            ]

        batches = in_batches(both_ways(kind, list(values)))
        self.requests += len(batches)
        found = self._together(search, batches)
        return frozenset(folded(kind, value) for part in found for value in part)

    def member_rosters(self, sink: str, list_ids: Iterable[str]) -> Mapping[str, Roster]:
        """The rosters of lists, read side by side; of one list, each page names the next one.

        Raises:
            KlaviyoError: Klaviyo could not be asked.
        """
        known = self._rosters.setdefault(sink, {})
        missing = [[one] for one in list_ids if one not in known]
        found = self._together(lambda batch: self._members(batch[0]), missing)
        for (list_id,), (people, requests) in zip(missing, found, strict=True):
            known[list_id] = Roster(people)
            self.requests += requests
        return known

    def _members(self, list_id: str) -> tuple[frozenset[str], int]:
        """The ids of all profiles on a list, and the requests that it took to read them."""
        # A list of a dry run is not there.
        if list_id.startswith(DRY_RUN):
            return frozenset(), 0
        query = Query(page_size=AT_ONCE)
        pages = [
            [one["id"] for one in msgspec.json.decode(page.data)]
            for page in self._client.pages("get_profile_ids_for_list", query, path={"id": list_id})
        ]
        return frozenset(one for page in pages for one in page), len(pages)

    def roster(self, sink: str, place: str, read: Callable[[], frozenset[str]]) -> Roster:
        """The roster of a place that a sink mirrors, read when it is first asked for."""
        known = self._rosters.setdefault(sink, {})
        if place not in known:
            known[place] = Roster(read())
        return known[place]

    def rosters(self, sink: str) -> Mapping[str, Roster]:
        """Every roster of a sink, by place."""
        return self._rosters.get(sink, {})

    def expect(self, identities: Iterable[str]) -> None:
        """Take it that these people (`Item.identities`) exist; for a dry run."""
        for identity in identities:
            kind, _, value = identity.partition(":")
            self._profiles[kind, value] = f"{DRY_RUN} {identity}"

    def _search(self, kind: str, values: list[str]) -> dict[tuple[str, str], str]:
        """The profiles that have one of these identifiers."""
        query = Query(
            filter=condition("any", kind, values),
            fields={"profile": (kind,)} if kind != "id" else {"profile": ("created",)},
            page_size=AT_ONCE,
        )
        return {
            (kind, folded(kind, str(one["id"] if kind == "id" else one["attributes"][kind]))): one[
                "id"
            ]
            for page in self._client.pages("get_profiles", query)
            for one in msgspec.json.decode(page.data)
        }


def both_ways(kind: str, values: list[str]) -> list[str]:
    """The values as they are and as they compare: Klaviyo does not say which of them it filters."""
    return list(dict.fromkeys(one for value in values for one in (value, folded(kind, value))))


def refused_list(error: ApiError) -> ListFound:
    """No list, because Klaviyo refuses this one; an error about more than it is raised."""
    if error.status not in ABOUT_ITEMS:
        raise error
    return ListFound(None, refused_outcome(error.errors, error))


def folded(kind: str, value: str) -> str:
    """An identifier as it compares: e-mail addresses without regard to case."""
    return value.lower() if kind == "email" else value
