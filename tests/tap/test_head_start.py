"""What is asked for while the tap is being loaded is what the tap asks for, and is asked once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from klaviyo_client.early import EarlyAnswers
from klaviyo_sandbox import Sandbox
from tap_klaviyo.head_start import NOT_PLAIN, PLAIN, head_start, in_windows
from tap_klaviyo.settings import SETTINGS
from tap_klaviyo.specs import STREAMS
from tap_klaviyo.tap import TapKlaviyo
from tests.tap.running import catalog

WINDOWED = [spec.name for spec in STREAMS if in_windows(spec)]
BOOKMARK = {"replication_key": "datetime", "replication_key_value": "2026-08-20T00:00:00+00:00"}
STATE = {"bookmarks": {"events": BOOKMARK}}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(profiles=30, events=2_500, limits=False) as running:
        yield running


class LateClock:
    """Every look at it comes a third of a second after the one before."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 0.333
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def saying(stream: str, **said: Mapping[str, Any]) -> dict[str, Any]:
    """A catalog that says something else of some columns of a stream."""
    found = catalog(stream)
    entry = next(one for one in found["streams"] if one["tap_stream_id"] == stream)
    for row in entry["metadata"]:
        if row["breadcrumb"][1:]:
            row["metadata"] |= said.get(row["breadcrumb"][1], {})
    return found


def without(*columns: str, **said: Mapping[str, Any]) -> dict[str, Any]:
    """A catalog of events, some columns of which are not selected."""
    return saying("events", **{name: {"selected": False} for name in columns}, **said)


def bare(stream: str) -> dict[str, Any]:
    """A catalog that says nothing of columns."""
    found = catalog(stream)
    for entry in found["streams"]:
        entry["metadata"] = [row for row in entry["metadata"] if not row["breadcrumb"]]
    return found


def asked(
    sandbox: Sandbox, content: Mapping[str, Any], config: Mapping[str, Any], state: Any, early: Any
) -> list[tuple[str, str]]:
    """What a run asks for, which may have a head start."""
    tap = TapKlaviyo(config=dict(config), catalog=dict(content), state=state)
    tap.__dict__["early"] = early
    tap.sync_all()
    return sorted((one.operation, json.dumps(one.parameters)) for one in sandbox.requests)


def words(folder: Path, **files: Any) -> list[str]:
    """Options that name files with this content."""
    found = []
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value))
        found += [f"--{name}", str(folder / name)]
    return found


@pytest.mark.parametrize("state", [None, STATE], ids=["first", "next"])
@pytest.mark.parametrize(
    ("content", "more"),
    [
        (catalog("events"), {}),
        (catalog("events"), {"start_date": "2026-07-01", "end_date": "2026-08-25T08:00:00+02:00"}),
        (catalog("profiles"), {"user_agent": "shop"}),
        (catalog(*WINDOWED), {}),
        (without("metric_name", "campaign_id", "flow_id", "profile_id", "event_properties"), {}),
        (without("uuid", timestamp={"selected": False, "inclusion": "automatic"}), {}),
        (without(datetime={"selected": False, "inclusion": "available"}), {}),
        (without("uuid", timestamp={"selected": True, "inclusion": "unsupported"}), {}),
        (saying("profiles", predictive_analytics={"selected": True}), {"api_key": " pk_test"}),
        (bare("events"), {}),
        (bare("profiles"), {}),
    ],
    ids=[
        "events",
        "dates",
        "profiles",
        "many",
        "few-columns",
        "automatic",
        "key",
        "unsupported",
        "costly",
        "bare-events",
        "bare-profiles",
    ],
)
def test_a_head_start_asks_for_nothing_else_and_for_nothing_twice(
    sandbox: Sandbox, tmp_path: Path, content: dict[str, Any], more: dict[str, Any], state: Any
) -> None:
    alone = {"max_parallel_requests": 1}  # windows end when a run begins, and so differ
    config = {"api_url": sandbox.url, "api_key": "pk_test", **alone, **more}
    sandbox.requests.clear()
    plain = asked(sandbox, content, config, state, None)
    sandbox.requests.clear()
    files = {"state": {"type": "STATE", "value": state}} if state else {}
    early = head_start(words(tmp_path, config=config, catalog=content, **files), {})
    assert isinstance(early, EarlyAnswers)
    assert asked(sandbox, content, config, state, early) == plain
    assert not early.left, "nothing was asked for in vain"


def test_settings_of_the_environment_count_too(sandbox: Sandbox, tmp_path: Path) -> None:
    content = catalog("events")
    environ = {"TAP_KLAVIYO_API_URL": sandbox.url, "TAP_KLAVIYO_API_KEY": "pk_test"}
    config = {"api_url": "http://127.0.0.1:1", "start_date": "2026-08-01"}
    named = [f"--catalog={words(tmp_path, catalog=content)[1]}", "--config=ENV"]
    early = head_start([*words(tmp_path, config=config), *named], environ)
    sandbox.requests.clear()
    config |= {"api_url": sandbox.url, "api_key": "pk_test"}
    asked(sandbox, content, config, None, early)
    assert early
    assert not early.left


@pytest.mark.parametrize(
    ("more", "option"),
    [
        ({}, ["--discover"]),
        ({}, ["--test"]),
        ({}, ["--test", "schema"]),
        ({}, ["--catalog", "nowhere.json"]),
        ({"api_key": ""}, []),
        ({"api_url": "http://192.0.2.1"}, []),
        ({"api_url": ""}, []),
        ({"api_urll": "http://127.0.0.1"}, []),
        ({"oauth": {"client_id": "x"}}, []),
        ({"revision": "2025-10-15"}, []),
        ({"stream_options": {"events": {"page_size": 10}}}, []),
        ({"stages": [["profiles"], ["events"]]}, []),
        ({"event_properties": {"Brand": "string"}}, []),
        ({"start_date": "soon"}, []),
    ],
    ids=str,
)
def test_what_is_not_plain_is_left_to_the_tap(
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, Any],
    option: list[str],
) -> None:
    asked_for: list[str] = []
    monkeypatch.setattr(EarlyAnswers, "ask", lambda _, name, *__: asked_for.append(name))
    config = {"api_url": sandbox.url, "api_key": "pk_test", **more}
    files = words(tmp_path, config=config, catalog=catalog("events"))
    assert head_start([*files, *option], {}) is None
    assert head_start(files[:2], {}) is None, "without a catalog"
    assert asked_for == []


def test_what_is_no_plain_state_is_left_to_the_tap(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bookmark of the future counts as now, which the tap alone knows; and one is no time."""
    asked_for: list[str] = []
    monkeypatch.setattr(EarlyAnswers, "ask", lambda _, name, *__: asked_for.append(name))
    config = {"api_url": sandbox.url, "api_key": "pk_test"}
    files = words(tmp_path, config=config, catalog=catalog("events", "profiles"))
    future = {**BOOKMARK, "replication_key_value": "2126-08-20T00:00:00+00:00"}
    odd = {"replication_key": "updated", "replication_key_value": "soon"}
    state = words(tmp_path, state={"bookmarks": {"events": future}})
    assert head_start([*files, *state], {})
    assert asked_for == ["get_profiles"]
    state = words(tmp_path, state={"bookmarks": {"profiles": odd}})
    assert head_start([*files, *state], {}) is None
    assert asked_for == ["get_profiles"]


def test_what_comes_through_a_pipe_is_read_by_the_tap(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be read once; whoever opens it a second time waits for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    files = words(tmp_path, catalog=catalog("events"))
    environ = {"TAP_KLAVIYO_API_URL": sandbox.url, "TAP_KLAVIYO_API_KEY": "pk_test"}
    assert head_start([*files, "--config", str(pipe)], environ) is None
    assert head_start(["--catalog", str(pipe)], environ) is None
    assert head_start(files, environ)
    (tmp_path / ".env").write_text("TAP_KLAVIYO_START_DATE=2026-01-01")
    monkeypatch.chdir(tmp_path)
    assert head_start(files, environ) is None


def test_entries_that_say_nothing_are_not_read_early(sandbox: Sandbox, tmp_path: Path) -> None:
    content = catalog("events")
    for entry in content["streams"]:
        if entry["tap_stream_id"] in ("accounts", "profiles"):
            del entry["metadata"]
    config = {"api_url": sandbox.url, "api_key": "pk_test"}
    early = head_start(words(tmp_path, config=config, catalog=content), {})
    assert early
    assert early.left == 1


def test_only_settings_of_the_tap_are_plain() -> None:
    assert {*PLAIN, *NOT_PLAIN} <= set(SETTINGS["properties"])


def test_how_long_an_answer_took_counts_from_when_it_was_asked_for(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have come before it is wanted; whether to read in windows depends on that time."""
    content, config = catalog("events"), {"api_url": sandbox.url, "api_key": "pk_test"}
    monkeypatch.setattr("klaviyo_client.early.SystemClock", LateClock)
    early = head_start(words(tmp_path, config=config, catalog=content), {})
    sandbox.requests.clear()
    found = asked(sandbox, content, config, None, early)
    assert any("less-than(datetime" in parameters for _, parameters in found)
