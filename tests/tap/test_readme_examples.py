"""The README's settings of the tap, run as they stand there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox import Sandbox
from tests import processes
from tests.tap.running import RunTap, environment
from tests.tap.test_custom_streams import chosen

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
SECTION = README.partition("\n## tap-klaviyo\n")[2].partition("\n## target-klaviyo\n")[0]
EXAMPLES: list[dict[str, Any]] = [
    json.loads(text) for text in re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(profiles=60, events=400, limits=False, raised=1_000) as running:
        yield running


def example(setting: str, **names: str) -> dict[str, Any]:
    """The example with a setting, real ids in the place of made-up ones."""
    (found,) = [one for one in EXAMPLES if setting in one]
    text = json.dumps(found)
    for name, value in names.items():
        assert name in text
        text = text.replace(name, value)
    return dict(json.loads(text))


def read(run_tap: RunTap, url: str, settings: dict[str, Any], *names: str) -> Any:
    """Discover with the settings, choose these streams, and read them."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.items()
    }
    found = processes.run("tap_klaviyo", "--discover", env=environment(texts)).stdout
    streams = {one["tap_stream_id"]: one for one in json.loads(found)["streams"]}
    run = run_tap(url, catalog_content=chosen(streams, *names), **settings)
    assert run.code == 0, run.errors
    return run


def test_all_examples_are_tried() -> None:
    tried = {"reports", "custom_streams", "stream_options"}
    assert [len(tried & set(one)) for one in EXAMPLES] == [1, 1, 1]


def test_reports(sandbox: Sandbox, run_tap: RunTap) -> None:
    settings = example("reports")
    names = [one["name"] for one in settings["reports"]]
    run = read(run_tap, sandbox.url, settings, *names)
    counts = {name: len(run.records(name)) for name in names}
    # No campaign of the sandbox was sent in the last 30 days.
    assert counts.pop("campaign_days") == 0
    assert all(counts.values())
    assert all("read_on" in run.state["bookmarks"][name] for name in names)


def test_custom_streams_and_properties(sandbox: Sandbox, run_tap: RunTap) -> None:
    account = sandbox.account
    ids = {"XYZ": account.ids("list")[0], "ABC": account.ids("metric")[0]}
    settings = example("custom_streams", **ids)
    run = read(run_tap, sandbox.url, settings, "vips", "orders", "events")
    assert {one["id"] for one in run.records("vips")} == set(account.members(ids["XYZ"]))
    for record in (*run.records("orders"), *run.records("events")):
        assert record["property_value"] == (record["event_properties"] or {}).get("$value")
        assert "items" in record
    assert any(one["property_favourite_colour"] for one in run.records("vips"))


def test_stream_options(sandbox: Sandbox, run_tap: RunTap) -> None:
    run = read(run_tap, sandbox.url, example("stream_options"), "events", "profiles")
    names = {one["metric_name"] for one in run.records("events")}
    assert names == {"Placed Order", "Ordered Product"}
    assert all(one["created"] > "2025-01-01" for one in run.records("profiles"))
