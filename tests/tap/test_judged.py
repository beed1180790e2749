"""Every request of the tap, and every answer it gets, fits Klaviyo's own OpenAPI file."""

from __future__ import annotations

import json

import pytest

from klaviyo_sandbox import Sandbox
from tap_klaviyo.specs import STREAMS, StreamSpec
from tests.judges.openapi import assert_ledger_valid, judged
from tests.tap.running import RunTap


def test_every_request_and_answer_fits_the_openapi_file(run_tap: RunTap) -> None:
    with Sandbox(
        profiles=60, events=1500, traps=False, keep_answers=True, limits=False, raised=1_000
    ) as sandbox:
        first = run_tap(sandbox.url)
        assert first.code == 0, first.errors
        options = {"events": {"metrics": {"include": ["Placed Order"]}, "page_size": 100}}
        again = run_tap(sandbox.url, state=first.state, stream_options=options)
        assert again.code == 0, again.errors
        assert len(sandbox.requests) > 30
        assert_ledger_valid(sandbox)


@pytest.mark.parametrize(
    "spec", [one for one in STREAMS if one.timed and one.parent], ids=lambda spec: spec.name
)
def test_klaviyo_promises_a_time_for_every_member(run_tap: RunTap, spec: StreamSpec) -> None:
    """So none lies outside of all time windows."""
    with Sandbox(profiles=20, events=0, keep_answers=True, limits=False) as sandbox:
        assert run_tap(sandbox.url, spec.name).code == 0
        entry = next(one for one in sandbox.requests.of(spec.operation) if b"joined" in one.answer)
    assert spec.replication_key
    assert not judged(entry, entry.answer)
    for value in ({}, {spec.replication_key: None}):
        answer = json.loads(entry.answer)
        attributes = answer["data"][0]["attributes"]
        attributes.pop(spec.replication_key)
        attributes |= value
        assert judged(entry, json.dumps(answer).encode())
