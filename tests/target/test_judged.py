"""Every request of the target, and every answer it gets, fits Klaviyo's own OpenAPI file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from klaviyo_sandbox import Sandbox
from tests import processes
from tests.judges.openapi import assert_ledger_valid
from tests.target.running import records, run_target, schema
from tests.target.test_readme_examples import EXAMPLES, account, run_example

PROJECT = Path(__file__).resolve().parents[2]


def test_every_request_and_answer_fits_the_openapi_file() -> None:
    names = ("customers", "orders")
    files = [f"{name}={PROJECT / 'examples' / name}.csv" for name in names]
    rows = processes.run("target_klaviyo.csv_rows", *files, env=os.environ).stdout
    settings = json.loads((PROJECT / "examples" / "target.json").read_text())
    people = [{"list_name": "VIP", "email": f"vip{number}@shop.example.org"} for number in range(3)]
    members = [
        schema("profiles", "email", "title"),
        *records("profiles", [{"email": one["email"], "title": None} for one in people]),
        schema("list_profiles", "list_name", "email"),
        *records("list_profiles", people),
    ]
    with Sandbox(
        profiles=0, events=0, traps=False, keep_answers=True, limits=False, time_scale=100
    ) as sandbox:
        loaded = run_target(
            sandbox.url,
            rows,
            **settings | {"on_error": "dead_letter", "dead_letter_path": "/dev/null"},
        )
        assert loaded.code == 0, loaded.log
        agreed = {"channel": "email", "message_type": "marketing", "list_name": "VIP"}
        historical = {"historical_import": "true", "consented_at": "2024-01-01T00:00:00Z"}
        for word, more in (("SUBSCRIBED", historical), ("UNSUBSCRIBED", {})):
            said = [{"consent": word, "email": one["email"], **agreed, **more} for one in people]
            told = [schema("subscriptions", *said[0]), *records("subscriptions", said)]
            changed = run_target(sandbox.url, [*members, *told])
            assert changed.code == 0, changed.log
        event = {**people[0], "metric": "Bought", "time": "2026-01-01T00:00:00Z", "unique_id": "1"}
        bought = [schema("events", *event), *records("events", [event])]
        single = run_target(sandbox.url, bought, streams={"events": {"immediate": True}})
        assert single.code == 0, single.log
        joined = run_target(sandbox.url, members, null_policy="clear")
        assert joined.code == 0, joined.log
        operations = {entry.operation for entry in sandbox.requests}
        assert {
            "bulk_import_profiles",
            "bulk_create_events",
            "create_event",
            "create_or_update_profile",
            "create_list",
            "add_profiles_to_list",
            "bulk_subscribe_profiles",
            "bulk_unsubscribe_profiles",
        } <= operations
        assert_ledger_valid(sandbox)


def test_the_requests_of_every_sink_fit_the_openapi_file(tmp_path: Path) -> None:
    """The README's examples, and the modes that none of them shows."""
    address = {"email": "zoe@shop.example.org"}
    others = [
        ("profiles", "create_only", address),
        ("suppressions", "unsuppress", address),
        ("list_profiles", "remove", {**address, "list_name": "VIP"}),
    ]
    with Sandbox(
        profiles=0, events=0, traps=False, keep_answers=True, limits=False, time_scale=100
    ) as sandbox:
        account(sandbox)
        # Deletions and merges take people away that other examples need.
        last = ("profile_merges", "profile_deletions")
        for name, settings, rows in sorted(EXAMPLES, key=lambda one: one[0] in last):
            done = run_example(sandbox, tmp_path, settings, rows)
            assert done.code == 0 or name in last, f"{name}: {done.log}"
        for sink, mode, row in others:
            messages = [schema(sink, *row), *records(sink, [row])]
            done = run_target(sandbox.url, messages, streams={sink: {"mode": mode}})
            assert done.code == 0, done.log
        assert_ledger_valid(sandbox)
