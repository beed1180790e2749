"""The scans of a stream that hangs on another collection: one for each of its parents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import NotFoundError
from klaviyo_client.filters import joined
from klaviyo_client.operations import operation
from klaviyo_client.query import Query
from tap_klaviyo.records import Resource, page_resources
from tap_klaviyo.scans import Bounds, Scan, time_filter
from tap_klaviyo.spec import Parent
from tap_klaviyo.times import parse_time

CREATED = ("created", "created_at")


def member_scans(
    client: KlaviyoClient, parent: Parent, bounds: Bounds, since: datetime | None = None
) -> Iterator[Scan]:
    """One scan for each parent, and for each parent of a parent's.

    A parent younger than the bounds is read whole: its members may have joined before (a list
    that was imported). With `since`, only those come that changed from then on, as far as Klaviyo
    can tell.

    Raises:
        KlaviyoError: the parents could not be read.
    """
    upper = parent.parent
    above = member_scans(client, upper, bounds, since) if upper else iter([Scan()])
    for scan in above:
        for resource in unmistakable(parent, parent_resources(client, parent, scan, since)):
            young = is_younger(resource, bounds.start)
            own = Bounds(None, bounds.end) if young else bounds
            columns = {**scan.columns, parent.column: resource["id"], **named(parent, resource)}
            yield Scan(own, path={"id": resource["id"]}, columns=columns)


def parent_resources(
    client: KlaviyoClient, parent: Parent, scan: Scan, since: datetime | None = None
) -> Iterator[Resource]:
    """The parents below one of their own parents; none where that has gone away meanwhile."""
    known = operation(parent.operation)
    fields = known.fields.get(known.resource or "", ())
    asked = tuple(name for name in fields if name in CREATED or name in parent.names)
    changed = time_filter(known, parent.changed, Bounds(since)) if parent.changed else None
    # Klaviyo filters flows by the field only that they are sorted by.
    sort = parent.changed if changed else "id"
    query = Query(
        sort=sort if sort in known.sort else None,
        page_size=known.page.maximum if known.page else None,
        fields={known.resource or "": asked} if asked else {},
    )
    try:
        for partition in parent.partitions:
            narrowed = replace(query, filter=joined(partition, changed))
            for page in client.pages(parent.operation, narrowed, path=scan.path):
                yield from page_resources(page.data)
    except NotFoundError:
        if not scan.columns:
            raise


def unmistakable(parent: Parent, resources: Iterator[Resource]) -> Iterable[Resource]:
    """The parents, their names taken away where several have the same.

    Whoever knows a parent by its name would take one for the other. Where names are wanted, all
    parents are read before the first one is given on.
    """
    if not parent.names:
        return resources
    known = list(resources)
    for name in parent.names:
        count = Counter((one.get("attributes") or {}).get(name) for one in known)
        for one in known:
            attributes = one.get("attributes") or {}
            if count[attributes.get(name)] > 1:
                attributes[name] = None
    return known


def named(parent: Parent, resource: Resource) -> dict[str, str | None]:
    """What a record keeps of its parent beside the id."""
    attributes = resource.get("attributes") or {}
    return {column: attributes.get(name) for name, column in parent.names.items()}


def is_younger(resource: Resource, start: datetime | None) -> bool:
    """Whether something was created at or after `start`, as far as can be known."""
    attributes = resource.get("attributes") or {}
    created = next((attributes[name] for name in CREATED if attributes.get(name)), None)
    return start is None or created is None or parse_time(created) >= start
