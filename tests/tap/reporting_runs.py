"""Runs the tap in this process, on the sandbox's time: a quota of a day is over in seconds."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from unittest import mock

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.errors import KlaviyoError
from klaviyo_sandbox import ManualClock, Sandbox
from tap_klaviyo.tap import TapKlaviyo
from tests.tap.running import environment


@dataclass(frozen=True)
class SharedClock:
    """The sandbox's clock as the client sees it: who sleeps, moves it."""

    clock: ManualClock

    def monotonic(self) -> float:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)


@dataclass
class ReportRun:
    """What a run left behind."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""

    def records(self, stream: str) -> list[dict[str, Any]]:
        found = [one for one in self.messages if one["type"] == "RECORD"]
        return [one["record"] for one in found if one["stream"] == stream]

    @property
    def state(self) -> dict[str, Any]:
        states = [one["value"] for one in self.messages if one["type"] == "STATE"]
        return dict(states[-1])

    def bookmark(self, stream: str) -> str:
        return str(self.state["bookmarks"][stream]["replication_key_value"])


def run_reports(
    sandbox: Sandbox,
    *reports: Mapping[str, Any],
    state: Mapping[str, Any] | None = None,
    deselected: Iterable[str] = (),
    method: str | None = None,
    **settings: Any,
) -> ReportRun:
    """Read only these declared reports, at the time of the sandbox's clock."""
    clock = sandbox.clock
    assert isinstance(clock, ManualClock)
    config = {"api_url": sandbox.url, "api_key": "pk_test", "reports": list(reports)} | settings
    run = ReportRun()
    with mock.patch.dict(os.environ, environment({}), clear=True):
        tap = TapKlaviyo(config=config, state=dict(state) if state else None)
    wait = float(tap.config["max_wait_seconds"])
    client = ClientSettings(base_url=sandbox.url, max_wait_seconds=wait)
    tap.client = KlaviyoClient(PrivateKey("pk_test"), client, clock=SharedClock(clock))
    tap.started_at = datetime.fromtimestamp(int(clock.now()), tz=timezone.utc)
    names = {str(one["name"]) for one in reports}
    for stream in tap.streams.values():
        wanted = stream.name in names
        stream.metadata.root.selected = wanted
        stream.forced_replication_method = method
        for column in deselected if wanted else ():
            stream.metadata["properties", column].selected = False
    written = io.BytesIO()
    out = io.TextIOWrapper(written)
    with contextlib.redirect_stdout(out), tap.client:
        try:
            tap.sync_all()
        except KlaviyoError as error:
            run.error = str(error)
        tap.message_writer.flush()
    run.messages = [json.loads(line) for line in written.getvalue().splitlines()]
    return run
