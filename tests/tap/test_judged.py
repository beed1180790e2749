"""Every request of the tap, and every answer it gets, fits Klaviyo's own OpenAPI file."""

from __future__ import annotations

from klaviyo_sandbox import Sandbox
from tests.judges.openapi import assert_ledger_valid
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
