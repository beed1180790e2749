"""The SDK's own suite of tests for targets, against the sandbox; nothing in it is skipped.

Its streams are about anything, so all of them are mapped to events of one person.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from singer_sdk.testing import get_target_test_class, target_test_streams

from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.target import TargetKlaviyo

EVENT = {
    "sink": "events",
    "columns": {
        "email": {"constant": "suite@shop.org"},
        "metric": {"constant": "Suite"},
        "time": {"constant": "2026-01-01T00:00:00Z"},
        "backfill": {"constant": True},
    },
}


def stream_names() -> set[str]:
    """The streams of the suite's input files."""
    inputs = (file for file in files(target_test_streams).iterdir() if file.name.endswith("singer"))
    lines = [line for file in inputs for line in file.read_text(encoding="utf-8").splitlines()]
    messages: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    return {message["stream"] for message in messages if "stream" in message}


# The suite makes its target when the module is imported; the address comes with the fixture.
CONFIG = {
    "api_key": "pk_test",
    "api_url": "http://127.0.0.1:9",
    "streams": dict.fromkeys(stream_names(), EVENT),
}


@pytest.fixture(scope="class", autouse=True)
def address() -> Iterator[None]:
    running = Sandbox(profiles=0, events=0, limits=False, time_scale=100)
    with running as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TARGET_KLAVIYO_API_URL", sandbox.url)
        yield
        assert {entry.status for entry in sandbox.requests} == {202}


TestTargetKlaviyo = get_target_test_class(TargetKlaviyo, config=CONFIG)
