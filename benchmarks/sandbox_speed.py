"""How fast the sandbox is: pages of events, and bulk bodies.

The server runs as its own process; this one only moves bytes. `python benchmarks/sandbox_speed.py`
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

HEADERS = {
    "Authorization": "Klaviyo-API-Key pk_benchmark",
    "revision": "2026-07-15",
    "Content-Type": "application/vnd.api+json",
}
Row = tuple[str, str]


@contextmanager
def server(profiles: int, events: int) -> Iterator[str]:
    """A sandbox without limits in a process of its own; its URL."""
    sizes = ["--profiles", str(profiles), "--events", str(events)]
    command = [sys.executable, "-m", "klaviyo_sandbox", "--port", "0", "--no-limits", *sizes]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        yield process.stdout.readline().split()[-1]
        process.terminate()


class Client:
    """One kept-alive connection."""

    def __init__(self, url: str) -> None:
        """Connect to `url`."""
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body of an answer."""
        self._connection.request(method, path, body, HEADERS)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:500]!r}")
        return content


def pages(client: Client, query: str) -> Row:
    """Pages and megabytes a second over every event, and pages a second of one core."""
    path, count, size = f"/api/events?page[size]=1000&sort=datetime{query}", 0, 0
    start, used = now(), processor(client)
    while path:
        content = client.ask("GET", path)
        count, size = count + 1, size + len(content)
        # The links stand at the end: parsing the page would measure this process.
        following = content[content.rindex(b'"next":') + 7 : -2].strip(b'"').decode()
        parts = urlsplit(following)
        path = "" if following == "null" else f"{parts.path}?{parts.query}"
    seconds, cost = now() - start, (processor(client) - used) / count
    figures = f"{count / seconds:8.0f} pages/s {size / seconds / 1e6:8.0f} MB/s {1 / cost:8.0f}"
    return f"GET events, 1,000 a page, {size // count} bytes{query}", figures


def processor(client: Client) -> float:
    """Seconds of processor time that the server has used."""
    return float(json.loads(client.ask("GET", "/sandbox/usage"))["cpu_seconds"])


def bulk(client: Client, name: str, path: str, body: bytes) -> Row:
    """Seconds for one bulk request."""
    start = now()
    client.ask("POST", path, body)
    return f"{name}, {len(body) / 1e6:.1f} MB", f"{now() - start:8.3f} s"


def import_body(count: int) -> bytes:
    """A bulk import of `count` profiles."""
    rows = [
        {
            "type": "profile",
            "attributes": {
                "email": f"bulk{number}@klaviyo-sandbox.dev",
                "first_name": "Ada",
                "properties": {"number": number, "text": "x" * 200},
            },
        }
        for number in range(count)
    ]
    attributes = {"profiles": {"data": rows}}
    return encoded({"type": "profile-bulk-import-job", "attributes": attributes})


def events_body(count: int) -> bytes:
    """A bulk request of `count` events of as many profiles."""
    groups = [
        {
            "type": "event-bulk-create",
            "attributes": {
                "profile": {
                    "data": {
                        "type": "profile",
                        "attributes": {"email": f"bulk{number}@klaviyo-sandbox.dev"},
                    }
                },
                "events": {"data": [event(number)]},
            },
        }
        for number in range(count)
    ]
    attributes = {"events-bulk-create": {"data": groups}}
    return encoded({"type": "event-bulk-create-job", "attributes": attributes})


def event(number: int) -> dict[str, object]:
    """One event of a bulk request."""
    metric = {"data": {"type": "metric", "attributes": {"name": "Benchmarked"}}}
    properties = {"number": number, "text": "x" * 700}
    attributes = {"metric": metric, "properties": properties, "unique_id": f"u{number}"}
    return {"type": "event", "attributes": attributes}


def encoded(data: dict[str, object]) -> bytes:
    """A request body."""
    return json.dumps({"data": data}).encode()


def settled(client: Client) -> Row:
    """Seconds of the request that has to do an import's work: the one after the job is due."""
    time.sleep(4.5)
    start = now()
    client.ask("GET", "/api/accounts")
    return "the import's work, in the next request", f"{now() - start:8.3f} s"


def now() -> float:
    """Seconds on a clock that only goes forward."""
    return time.perf_counter()


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=200_000)
    arguments.add_argument("--profiles", type=int, default=10_000)
    options = arguments.parse_args()
    begun = now()
    with server(options.profiles, options.events) as url:
        client = Client(url)
        seeded = f"seeding {options.profiles} profiles, {options.events} events"
        importing = "/api/profile-bulk-import-jobs"
        creating = "/api/event-bulk-create-jobs"
        work: list[Callable[[], Row]] = [
            lambda: (seeded, f"{now() - begun:8.1f} s"),
            lambda: pages(client, ""),
            lambda: pages(client, "&include=metric,profile"),
            lambda: pages(client, "&fields[event]=datetime,event_properties"),
            lambda: bulk(client, "bulk import of 10,000 profiles", importing, import_body(10_000)),
            lambda: settled(client),
            lambda: bulk(client, "1,000 events", creating, events_body(1_000)),
            lambda: bulk(client, "the same 1,000 events again", creating, events_body(1_000)),
        ]
        print(f"{'':75s} {'':20s} {'':9s}{'pages/core-second':>20s}")
        for measure in work:
            name, figures = measure()
            print(f"{name:75s} {figures}")


if __name__ == "__main__":
    main()
