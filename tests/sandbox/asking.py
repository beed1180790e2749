"""A plain HTTP client for tests of the sandbox: nothing of ours between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from klaviyo_sandbox import Sandbox

KEY = "Klaviyo-API-Key pk_test"
MEDIA = "application/vnd.api+json"


@dataclass
class Asking:
    """Sends requests to a sandbox with everything that Klaviyo wants of a request."""

    sandbox: Sandbox
    session: requests.Session = field(default_factory=requests.Session)

    def __call__(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        content: Any = None,
        **headers: str | None,
    ) -> requests.Response:
        """An answer; a header given as None is left out, `content` is the body's `data`."""
        sent = {"Authorization": KEY, "revision": "2026-07-15", **headers}
        if content is not None:
            sent = {"Content-Type": MEDIA, **sent}
        return self.session.request(
            method,
            path if path.startswith("http") else self.sandbox.url + path,
            params=dict(query or {}),
            json=None if content is None else {"data": content},
            headers={name.replace("_", "-"): value for name, value in sent.items()},
            timeout=60,
        )

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The document of a successful GET."""
        answer = self("GET", path, query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def pages(self, path: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Every page, following `next`."""
        page = self.get(path, **query)
        yield page
        while page["links"]["next"] is not None:
            page = self.get(page["links"]["next"])
            yield page

    def error(self, method: str, path: str, status: int, **more: Any) -> dict[str, Any]:
        """The first error of a refused request."""
        answer = self(method, path, **more)
        assert answer.status_code == status, answer.text
        first = answer.json()["errors"][0]
        assert first["status"] == status
        return dict(first)


def profile(**attributes: Any) -> dict[str, Any]:
    """A profile as writes take it."""
    return {"type": "profile", "attributes": attributes}


def import_job(rows: list[dict[str, Any]], lists: tuple[str, ...] = ()) -> dict[str, Any]:
    """The data of a bulk import."""
    job = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": rows}}}
    data = [{"type": "list", "id": one} for one in lists]
    return {**job, "relationships": {"lists": {"data": data}}} if lists else job


def event(metric: str = "Tested", **attributes: Any) -> dict[str, Any]:
    """An event's data without its profile."""
    named = {"data": {"type": "metric", "attributes": {"name": metric}}}
    return {"type": "event", "attributes": {"properties": {}, "metric": named, **attributes}}


def event_of(who: dict[str, Any], metric: str = "Tested", **attributes: Any) -> dict[str, Any]:
    """The data of POST /api/events."""
    made = event(metric, **attributes)
    made["attributes"]["profile"] = {"data": who}
    return made


def bulk_events(who: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    """The data of a bulk request with the events of one profile."""
    attributes = {"profile": {"data": who}, "events": {"data": events}}
    group = {"type": "event-bulk-create", "attributes": attributes}
    return {
        "type": "event-bulk-create-job",
        "attributes": {"events-bulk-create": {"data": [group]}},
    }
