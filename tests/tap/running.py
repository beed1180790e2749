"""Runs the tap as a process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tap_klaviyo.specs import STREAMS
from tests import processes


@dataclass(frozen=True)
class Run:
    """What a run of the tap left behind."""

    messages: list[dict[str, Any]]
    errors: str
    code: int

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [
            one["record"]
            for one in self.messages
            if one.get("stream") == stream and one["type"] == "RECORD"
        ]

    @property
    def state(self) -> dict[str, Any]:
        states = [one["value"] for one in self.messages if one["type"] == "STATE"]
        return dict(states[-1]) if states else {}


RunTap = Callable[..., Run]


@cache
def discovered() -> str:
    """What discovery prints."""
    return processes.run("tap_klaviyo", "--discover", env=environment({})).stdout


def catalog(*selected: str) -> dict[str, Any]:
    """The tap's own catalog with only these streams selected."""
    found: dict[str, Any] = json.loads(discovered())
    for stream in found["streams"]:
        for row in stream["metadata"]:
            if not row["breadcrumb"]:
                row["metadata"]["selected"] = stream["tap_stream_id"] in selected
    return found


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run: ours without settings of a developer's account."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("TAP_KLAVIYO")}
    return own | {f"TAP_KLAVIYO_{name.upper()}": value for name, value in settings.items()}


def run_in(  # noqa: PLR0913 - as a user may combine them
    folder: Path,
    url: str,
    *streams: str,
    state: Mapping[str, Any] | None = None,
    catalog_content: Mapping[str, Any] | None = None,
    arguments: tuple[str, ...] = (),
    module: str = "tap_klaviyo",
    when: Mapping[str, Callable[[], None]] | None = None,
    **settings: Any,
) -> Run:
    """Run the tap as a process with its files in `folder`; all streams unless some are named.

    `when` says what to do once words are in its log; `module` may be another way to start it.
    """
    content = catalog_content or catalog(*(streams or [spec.name for spec in STREAMS]))
    config = {"api_url": url, "api_key": "pk_test"} | settings
    files = {"catalog": content, "config": config, "state": state}
    words = list(arguments)
    for name, value in files.items():
        if value is not None:
            (folder / f"{name}.json").write_text(json.dumps(value))
            words += [f"--{name}", str(folder / f"{name}.json")]
    done = processes.run(module, *words, env=environment({}), when=when)
    # Not `splitlines`: texts may hold other signs that end a line for it.
    messages = [json.loads(line) for line in done.stdout.split("\n") if line]
    return Run(messages, done.stderr, done.returncode)
