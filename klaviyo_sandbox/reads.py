"""Every GET: one function per shape of path, for all the resources in `kinds`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from klaviyo_sandbox import cursors
from klaviyo_sandbox.campaign_revisions import campaigns_at, facts_at, whole_campaigns
from klaviyo_sandbox.contract import Operation
from klaviyo_sandbox.cursors import Cursor
from klaviyo_sandbox.documents import (
    JOINED,
    Wanted,
    columns_of,
    data_of,
    documents,
    identifiers,
    included,
    wanted,
)
from klaviyo_sandbox.kind import Kind, Relation
from klaviyo_sandbox.kinds import BY_COLLECTION, KINDS
from klaviyo_sandbox.messages import Request, Response, not_found
from klaviyo_sandbox.query import Query, read_query
from klaviyo_sandbox.read_rules import check_rules
from klaviyo_sandbox.relationships import in_order, targets
from klaviyo_sandbox.routing import Route, split
from klaviyo_sandbox.selects import (
    Clause,
    Source,
    after,
    clause,
    group_members,
    order_of,
    related,
    select_rows,
    whole,
)
from klaviyo_sandbox.store import Store

PATH_SIGNS = "/%"
GROUPS = ("list", "segment")
CURSOR = "page[cursor]"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a read works with. `fault` is the kind of a fault that bends a page, or ''."""

    store: Store
    request: Request
    route: Route
    now: float
    always_data: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operation's path leads: a kind, perhaps one of its relationships."""

    kind: Kind
    relation: Relation | None
    single: bool
    ids_only: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Rows (id, columns, sort value), and the cursor behind them where more follow."""

    rows: list[tuple[Any, ...]]
    next: Cursor | None
    order: str


def place_of(operation: Operation) -> Place | None:
    """The place of an operation, or None where the sandbox keeps no such resource."""
    segments = split(operation.path)[1:]
    kind = BY_COLLECTION.get(segments[0])
    names = [part for part in segments[1:] if not part.startswith("{")]
    if kind is None:
        return None
    if not names:
        return Place(kind, None, len(segments) > 1, ids_only=False)
    relation = kind.relation(names[-1])
    if relation is None or relation.target not in KINDS:
        return None
    return Place(kind, relation, not relation.many, ids_only=names[0] == "relationships")


def read(reading: Reading) -> Response:
    """The answer to a GET of a served operation."""
    place = place_of(reading.route.operation)
    if place is None:  # pragma: no cover - only served operations come here
        raise not_found("operation", reading.route.operation.id)
    request, facts = reading.request, facts_at(reading.route.operation, reading.request)
    asked = read_query(facts, request.query)
    check_rules(place.kind, facts, asked, reading.now)
    return campaigns_at(found(reading, place, whole_campaigns(asked, request)), asked, request)


def found(reading: Reading, place: Place, query: Query) -> Response:
    """What is at a place, as it is kept."""
    if place.relation is None:
        if place.single:
            return resource(reading, place.kind, query, reading.route.values[0])
        return page(reading, place.kind, whole(place.kind), query)
    return read_related(reading, place, place.relation, query)


def read_related(reading: Reading, place: Place, relation: Relation, query: Query) -> Response:
    """The answer to a GET of what a resource is related to."""
    owner = reading.route.values[0]
    if not reading.store.exists(place.kind, owner):
        raise not_found(place.kind.type, owner)
    if not relation.many:
        return related_one(reading, place, relation, query)
    kind = KINDS[relation.target]
    is_member = place.kind.type in GROUPS and relation.name == "profiles"
    source = group_members(owner) if is_member else related(kind, relation.pairs, owner)
    return page(reading, kind, source, query, ids_only=place.ids_only)


def related_one(reading: Reading, place: Place, relation: Relation, query: Query) -> Response:
    """The answer to a GET of a to-one relationship."""
    owner = reading.route.values[0]
    found = in_order(targets(reading.store, relation, [owner])[0])
    if not place.ids_only:
        if not found:
            raise not_found(relation.target, f"of {place.kind.type} {owner}")
        return resource(reading, KINDS[relation.target], query, found[0])
    data = identifiers(relation.target, found[:1]) or "null"
    return answer([data.encode()], self_links(reading))


def resource(reading: Reading, kind: Kind, query: Query, resource_id: str) -> Response:
    """The answer that holds one resource."""
    if not reading.store.exists(kind, resource_id):
        raise not_found(kind.type, resource_id)
    look = wanted(kind, reading.request.base, query, with_data(reading, kind, query))
    look = replace(look, extras=(*look.extras, *only_alone(reading, kind)))
    look = replace(look, constants=unknown_attributes(reading.fault))
    rows = list(reading.store.rows_with(kind, "id", [resource_id], ("id", look.columns)))
    texts, extra = texts_of(reading, look, query, rows)
    return answer(texts, self_links(reading), extra)


def only_alone(reading: Reading, kind: Kind) -> Iterator[tuple[str, str]]:
    """Attributes that Klaviyo shows where one resource is asked for, and in no list."""
    facts = reading.route.operation
    known = set(facts.fields.get(kind.type, ())) - set(facts.additional_fields.get(kind.type, ()))
    return ((name, name) for name in kind.extra if name in known)


def with_data(reading: Reading, kind: Kind, query: Query) -> tuple[str, ...]:
    """The relationships whose data the answer carries."""
    if not reading.always_data:
        return query.include
    allowed = reading.route.operation.include
    return tuple(row.name for row in kind.relations if row.name in allowed)


def page(
    reading: Reading, kind: Kind, source: Source, query: Query, *, ids_only: bool = False
) -> Response:
    """The answer that holds a page of resources, or of their identifiers."""
    look = wanted(kind, reading.request.base, query, with_data(reading, kind, query))
    if "joined_group_at" in source.columns:
        look = replace(look, extras=(JOINED, *look.extras))
    look = replace(look, constants=unknown_attributes(reading.fault))
    found = page_rows(reading, kind, source, query, look.columns)
    found = PAGE_FAULTS.get(reading.fault, as_it_is)(found)
    links = page_links(reading, query, found)
    if ids_only:
        ids = (row[0] for row in found.rows)
        return answer([f"[{identifiers(kind.type, ids)}]".encode()], links)
    texts, extra = texts_of(reading, look, query, found.rows)
    return answer(enclosed(texts, b"[", b"]"), links, extra)


def texts_of(
    reading: Reading, look: Wanted, query: Query, rows: list[tuple[Any, ...]]
) -> tuple[list[bytes], list[bytes] | None]:
    """The documents of rows, and those to include, where anything is."""
    columns = columns_of(rows)
    found = data_of(reading.store, look, columns)
    extra = included(reading.store, look, query, found) if query.include else None
    return documents(look, columns, found), extra


def page_rows(reading: Reading, kind: Kind, source: Source, query: Query, columns: str) -> Page:
    """The rows of a page."""
    limit = query.size if reading.route.operation.cursor else -1
    order = order_of(kind, source, query.sort, limit + 1 if limit > 0 else limit)
    passed = None if query.cursor is None else order
    clauses = [clause(kind, source, condition, passed) for condition in query.conditions]
    clauses += archived_hidden(kind, query)
    if query.cursor is not None:
        clauses.append(after(cursors.read(query.cursor, order.text), order, source))
    rows = select_rows(reading.store, columns, source, clauses, order)
    if limit < 0 or len(rows) <= limit:
        return Page(rows, None, order.text)
    last = rows[limit - 1]
    return Page(rows[:limit], Cursor(order.text, last[-1], last[0]), order.text)


def archived_hidden(kind: Kind, query: Query) -> list[Clause]:
    """Archived campaigns and flows show up only for who filters on `archived`."""
    asked = any(condition.field == "archived" for condition in query.conditions)
    return [("archived = 0", ())] if kind.hidden_when_archived and not asked else []


def page_links(reading: Reading, query: Query, found: Page) -> str:
    """The `links` of a page: every parameter of the request goes into `next`."""
    if not reading.route.operation.cursor:
        return self_links(reading)
    # Quoted once: among so many characters it is felt.
    parts = [urlencode([pair]) for pair in reading.request.query]
    itself, following = self_url(reading, parts), "null"
    if reading.fault == "repeated_cursor" and query.cursor is not None:
        following = f'"{itself}"'
    elif found.next is not None:
        cursor = urlencode({CURSOR: cursors.mint(found.next)})
        kept = [part for part in parts if not part.startswith(cursor.partition("=")[0])]
        url = f"{reading.request.base}{reading.request.path}"
        following = f'"{url}?{"&".join([*kept, cursor])}"'
    return f'{{"self":"{itself}","prev":{garbage_prev(reading, query)},"next":{following}}}'


def garbage_prev(reading: Reading, query: Query) -> str:
    """On the first page of lists Klaviyo's `prev` is a leaked internal text."""
    if reading.route.operation.id != "get_lists" or query.cursor is not None:
        return "null"
    nonsense = quote("<Filters: any(id,...)>")
    return f'"{reading.request.base}/api/lists?page%5Bcursor%5D={nonsense}"'


def self_url(reading: Reading, parts: Sequence[str]) -> str:
    """The URL of the request, whose query has these parts."""
    url = f"{reading.request.base}{quote(reading.request.path, safe='/%')}"
    return f"{url}?{'&'.join(parts)}" if parts else url


def self_links(reading: Reading) -> str:
    """The `links` of an answer that has no pages."""
    itself = self_url(reading, [urlencode([pair]) for pair in reading.request.query])
    return f'{{"self":"{itself}"}}'


def answer(data: list[bytes], links: str, extra: list[bytes] | None = None) -> Response:
    """A document from JSON texts; `data` has its outer brackets already.

    One join: a page of events is a megabyte, and every further copy of it costs.
    """
    more = [] if extra is None else enclosed(extra, b'"included":[', b"]")
    parts = enclosed(data, b'{"data":', b"")
    return Response(200, b",".join([*parts, *more, b'"links":%b}' % links.encode()]))


def enclosed(texts: list[bytes], before: bytes, after: bytes) -> list[bytes]:
    """The texts with something glued to the first and the last of them."""
    if not texts:
        return [before + after]
    made = [before + texts[0], *texts[1:]]
    made[-1] += after
    return made


def unknown_attributes(fault: str) -> dict[str, str]:
    """An attribute that no client can know, where the fault asks for it."""
    return {"unannounced_attribute": '{"of":"a later day"}'} if fault == "unknown_attribute" else {}


def as_it_is(found: Page) -> Page:
    """No fault."""
    return found


def unsorted(found: Page) -> Page:
    """The rows of the page in the wrong order."""
    return replace(found, rows=found.rows[::-1])


def emptied(found: Page) -> Page:
    """No rows, and a cursor to where they begin."""
    if not found.rows:
        return found
    first = found.rows[0]
    return Page([], Cursor(found.order, first[-1], first[0], "from"), found.order)


PAGE_FAULTS: dict[str, Callable[[Page], Page]] = {"unsorted": unsorted, "empty_page": emptied}
