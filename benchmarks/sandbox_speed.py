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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

HEADERS = {
    "Authorization": "Klaviyo-API-Key pk_benchmark",
    "revision": "2026-07-15",
    "Content-Type": "application/vnd.api+json",
}
Row = tuple[str, str]


TAP = (
    "&include=attributions,metric,profile"
    "&fields[attribution]=id&fields[metric]=name&fields[profile]=id"
    "&filter=greater-or-equal(datetime,2000-01-01T00:00:00Z)"
)
"""What tap-klaviyo adds to the query of its events."""

WHOLE = "&include=metric,profile"
SPARSE = "&fields[event]=datetime,event_properties"
EVENTS = "/api/events?page[size]=1000&sort=datetime"
PROFILES = "/api/profiles?page[size]=100&sort=updated"
ANALYTICS = "&additional-fields[profile]=subscriptions,predictive_analytics"
CONNECTIONS, PAGES_EACH, DELAY_MS = 32, 10, 300


@contextmanager
def server(profiles: int, events: int, *options: str) -> Iterator[str]:
    """A sandbox without limits in a process of its own; its URL."""
    sizes = ["--profiles", str(profiles), "--events", str(events)]
    command = [sys.executable, "-m", "klaviyo_sandbox", "--port", "0", "--no-limits", *sizes]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
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


def pages(client: Client, name: str, path: str) -> Row:
    """Pages and megabytes a second from `path` to the last page, and pages a second of one core."""
    count, size = 0, 0
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
    return f"{name}, {size // count:,} bytes a page", figures


def longest_list(client: Client) -> str:
    """The path of the profiles of the list that has the most."""
    lists = [row["id"] for row in json.loads(client.ask("GET", "/api/lists"))["data"]]
    counting = "?additional-fields[list]=profile_count"
    sizes = {
        one: json.loads(client.ask("GET", f"/api/lists/{one}{counting}"))["data"]["attributes"]
        for one in lists
    }
    most = max(lists, key=lambda one: int(sizes[one]["profile_count"]))
    return f"/api/lists/{most}/profiles?page[size]=100&sort=joined_group_at"


def at_once(url: str) -> Row:
    """Pages of events a second over several connections, each answer delayed."""

    def ask(_number: int) -> int:
        client = Client(url)
        return sum(len(client.ask("GET", EVENTS + TAP)) for _ in range(PAGES_EACH))

    client, count = Client(url), CONNECTIONS * PAGES_EACH
    start, used = now(), processor(client)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        size = sum(pool.map(ask, range(CONNECTIONS)))
    seconds, cost = now() - start, (processor(client) - used) / count
    figures = f"{count / seconds:8.0f} pages/s {size / seconds / 1e6:8.0f} MB/s {1 / cost:8.0f}"
    return f"the tap's events, {CONNECTIONS} connections, {DELAY_MS} ms delay", figures


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
            lambda: pages(client, "events", EVENTS),
            lambda: pages(client, "events as the tap asks for them", EVENTS + TAP),
            lambda: pages(client, "events with all of metric and profile", EVENTS + WHOLE),
            lambda: pages(client, "events with sparse fields", EVENTS + SPARSE),
            lambda: pages(client, "profiles", PROFILES),
            lambda: pages(client, "profiles with additional fields", PROFILES + ANALYTICS),
            lambda: pages(client, "profiles of a list", longest_list(client)),
            lambda: bulk(client, "bulk import of 10,000 profiles", importing, import_body(10_000)),
            lambda: settled(client),
            lambda: bulk(client, "1,000 events", creating, events_body(1_000)),
            lambda: bulk(client, "the same 1,000 events again", creating, events_body(1_000)),
        ]
        print(f"{'':60s} {'':20s} {'':9s}{'pages/core-second':>20s}")
        for measure in work:
            show(*measure())
    with server(1_000, 20_000, "--delay-ms", str(DELAY_MS)) as url:
        show(*at_once(url))


def show(name: str, figures: str) -> None:
    """Print a row of the table."""
    print(f"{name:60s} {figures}")


if __name__ == "__main__":
    main()
