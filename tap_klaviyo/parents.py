"""The scans of a stream that hangs on another collection: one for each of its parents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.operations import operation
from klaviyo_client.query import Query
from tap_klaviyo.scans import Bounds, Scan
from tap_klaviyo.specs import Parent
from tap_klaviyo.times import parse_time


def member_scans(client: KlaviyoClient, parent: Parent, bounds: Bounds) -> Iterator[Scan]:
    """One scan for each parent.

    A parent younger than the bounds is read whole: its members may have joined before (a list
    that was imported).

    Raises:
        KlaviyoError: the parents could not be read.
    """
    fields = {operation(parent.operation).resource or "": ("created",)}
    for page in client.pages(parent.operation, Query(sort="id", fields=fields)):
        for resource in msgspec.json.decode(page.data):
            young = is_younger(resource["attributes"].get("created"), bounds.start)
            own = Bounds(None, bounds.end) if young else bounds
            names = {parent.column: resource["id"]}
            yield Scan(own, path={"id": resource["id"]}, columns=names)


def is_younger(created: str | None, start: datetime | None) -> bool:
    """Whether something was created at or after `start`, as far as can be known."""
    return start is None or created is None or parse_time(created) >= start
