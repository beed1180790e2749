"""The command's messages and exit codes, without the cost of a process for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import Run, profiles, records, run_here, schema, state, text

CUSTOMERS = schema("profiles", "email", "title", keys=["email"])
NOBODY = "http://127.0.0.1:9"


def customers(*rows: dict[str, Any]) -> list[Any]:
    return [CUSTOMERS, *records("profiles", rows), state({"done": True})]


GOOD, BAD = {"email": "ada@shop.org"}, {"email": "no address"}


def one_error(ran: Run) -> str:
    assert ran.code == 1
    assert ran.states == []
    (line,) = ran.errors
    return line


def test_too_many_dead_letters_stop_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    chosen = {"on_error": "dead_letter", "dead_letter_path": str(path), "max_errors": 1}
    ran = run_here(tmp_path, sandbox.url, customers(GOOD, BAD), **chosen)
    assert ran.code == 0
    ran = run_here(tmp_path, sandbox.url, customers(GOOD, BAD, {"email": "bad too"}), **chosen)
    assert "more than max_errors (1) rows failed" in one_error(ran)
    assert len(path.read_text().splitlines()) == 5


def test_a_wrong_key(tmp_path: Path) -> None:
    with Sandbox(profiles=0, events=0, keys={"pk_right": []}) as sandbox:
        ran = run_here(tmp_path, sandbox.url, customers(GOOD), api_key="pk_wrong")
        assert "check the setting api_key" in one_error(ran)
        assert ran.figures("profiles")["not sent"] == 1
        assert "pk_wrong" not in ran.log


def test_a_missing_scope_is_named(tmp_path: Path) -> None:
    with Sandbox(profiles=0, events=0, keys={"pk_test": ["events:write"]}) as sandbox:
        ran = run_here(tmp_path, sandbox.url, customers(GOOD))
        error = one_error(ran)
        assert "bulk_import_profiles" in error
        assert "profiles:write" in error


def test_a_scope_missing_for_reading_jobs_leaves_rows_unknown(tmp_path: Path) -> None:
    scopes = {"pk_test": ["lists:write", "profiles:write"]}
    with Sandbox(profiles=0, events=0, keys=scopes, time_scale=100) as sandbox:
        ran = run_here(tmp_path, sandbox.url, customers(GOOD))
        assert "profiles:read" in one_error(ran)
        assert ran.figures("profiles")["unknown"] == 1


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"api_key": None}, "the setting api_key is missing"),
        (
            {"oauth": {"client_id": "a", "client_secret": "b", "refresh_token": "c"}},
            "set either api_key or oauth, not both",
        ),
        ({"streams": {"orders": {"sink": "evnts"}}}, "did you mean 'events'?"),
        ({"default_timezone": "Europe/Lodon"}, "did you mean 'Europe/London'?"),
        ({"default_phone_region": "XX"}, "there is no region 'XX'"),
        ({"decimal_format": "1'234.56"}, "decimal_format"),
        ({"earliest_event_time": "soon"}, "earliest_event_time is no date"),
        ({"earliest_event_time": "1980-01-01"}, "no events from before 1990"),
        ({"on_error": "dead_letter"}, "set dead_letter_path"),
        ({"on_error": "ignore"}, "on_error"),
        ({"receipts_path": "/nowhere/at/all"}, "receipts_path: /nowhere/at/all"),
        ({"api_url": "http://klaviyo.example"}, "plain http only for a loopback"),
        ({"max_parallel_requests": 0}, "max_parallel_requests"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], expected: str, tmp_path: Path) -> None:
    assert expected in one_error(run_here(tmp_path, NOBODY, customers(GOOD), **settings))


def test_an_unknown_setting_in_a_file(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"dead_leter_path": "x", "load_method": "upsert"}')
    ran = run_here(tmp_path, NOBODY, customers(GOOD), "--config", str(config))
    assert ran.code == 1
    assert ran.errors == [
        "unknown setting 'dead_leter_path' (did you mean 'dead_letter_path'?)",
        "unknown setting 'load_method'",
    ]


def test_a_malformed_secret_is_not_quoted(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"api_key": ["pk_secret"]}')
    ran = run_here(tmp_path, NOBODY, customers(GOOD), "--config", str(config), api_key=None)
    assert "the setting api_key is malformed" in one_error(ran)
    assert "pk_secret" not in ran.log


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{\n", "line 1 of the input is no JSON in UTF-8"),
        ("[]\n", "line 1 of the input is no Singer message"),
        ('{"type":"STATE","value":NaN}', "line 1 of the input is no strict JSON: it holds NaN"),
        ('{"type":"STATE","value":"\\ud800"}', "NaN, Infinity, or half of a character"),
        ('{"type":"RECORD"}\n', "line 1 of the input is a RECORD message that names no stream"),
        ('\n\n{"type":"STATE"}', "line 3 of the input is a STATE message without value"),
        *(
            (f'{{"type":"{kind}","stream":{stream}}}', f"a {kind} message that names no stream")
            for kind in ("SCHEMA", "RECORD", "BATCH", "ACTIVATE_VERSION")
            for stream in ("null", "5")
        ),
        *(
            (
                f'{{"type":"RECORD","stream":"profiles"{record}}}',
                "line 1 of the input is a RECORD message whose record is no object",
            )
            for record in ("", ',"record":null', ',"record":[1]')
        ),
        *(
            (
                f'{{"type":"SCHEMA","stream":"profiles"{schema}}}',
                "line 1 of the input is a SCHEMA message whose schema has no object of properties",
            )
            for schema in (
                "",
                ',"schema":null',
                ',"schema":[]',
                ',"schema":{}',
                ',"schema":{"properties":["email"]}',
            )
        ),
        (
            text([{**CUSTOMERS, "key_properties": "email"}]),
            "line 1 of the input is a SCHEMA message whose key_properties are no list of columns",
        ),
        (text(records("profiles", [GOOD])), "before a corresponding schema"),
        (text([schema("profiles", "title")]), "nothing fills email or phone_number"),
        (text([schema("profiles", email={"type": 3})]), "holds no JSON Schema"),
        (text([CUSTOMERS, *records("profiles", [{"title": "Dr"}])]), "lacks its key property"),
        (text([schema("customers", "email")]), "no sink takes the stream 'customers'"),
        (
            text(
                [
                    CUSTOMERS,
                    {
                        "type": "BATCH",
                        "stream": "profiles",
                        "manifest": ["x"],
                        "encoding": {"format": "jsonl", "compression": "gzip"},
                    },
                ]
            ),
            "turn batch_config off in the tap",
        ),
    ],
)
def test_bad_input(content: str, expected: str, tmp_path: Path) -> None:
    assert expected in one_error(run_here(tmp_path, NOBODY, content))


def test_blank_lines_marks_and_versions_of_tables_are_passed_over(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    version = {"type": "ACTIVATE_VERSION", "stream": "profiles", "version": 1}
    messages = [CUSTOMERS, version, {**version, "stream": "others"}, *customers(GOOD)[1:]]
    ran = run_here(tmp_path, sandbox.url, "\ufeff" + text(messages).replace("\n", "\r\n\n \n"))
    assert (ran.code, ran.states) == (0, [{"done": True}]), ran.log
    assert set(profiles(sandbox)) == {"ada@shop.org"}


def test_an_expression_of_stream_maps_that_is_none(tmp_path: Path) -> None:
    maps = {"profiles": {"title": "nope("}}
    error = one_error(run_here(tmp_path, NOBODY, customers(GOOD), stream_maps=maps))
    assert error == "stream_maps: Failed to parse expression nope(."


@pytest.mark.parametrize(
    ("maps", "kind"),
    [
        ({"title": "100 / int(title)"}, "ZeroDivisionError"),
        ({"title": "int(email)"}, "ValueError"),
        ({"title": "nope"}, "NameNotDefined"),
        ({"__filter__": "title > 1"}, "TypeError"),
    ],
)
def test_an_expression_of_stream_maps_that_fails_for_a_row(
    sandbox: Sandbox, tmp_path: Path, maps: dict[str, str], kind: str
) -> None:
    messages = customers({**GOOD, "title": "1"}, {**GOOD, "title": "0"})
    error = one_error(run_here(tmp_path, sandbox.url, messages, stream_maps={"profiles": maps}))
    (expression,) = maps.values()
    line = 3 if kind == "ZeroDivisionError" else 2
    place = f"stream_maps: stream 'profiles': {expression!r} fails for the row on line {line}"
    assert error.startswith(f"{place} of the input ({kind})")
    assert GOOD["email"] not in error


FULL = Path("/dev/full")
needs_full_disk = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


@needs_full_disk
@pytest.mark.parametrize("setting", ["receipts_path", "dead_letter_path"])
def test_a_full_disk_is_named_with_its_setting(
    sandbox: Sandbox, tmp_path: Path, setting: str
) -> None:
    paths = {name: str(tmp_path / name) for name in ("receipts_path", "dead_letter_path")}
    chosen = {**paths, setting: str(FULL), "on_error": "dead_letter"}
    ran = run_here(tmp_path, sandbox.url, customers(GOOD, BAD), **chosen)
    assert one_error(ran) == f"{setting}: /dev/full: No space left on device"
    assert ran.figures("profiles")["accepted"] == 1


@needs_full_disk
def test_no_state_goes_out_before_receipts_are_on_file(sandbox: Sandbox, tmp_path: Path) -> None:
    """Rows that have not changed are written down too, though no batch goes out for them."""
    store = {"change_store": str(tmp_path / "store")}
    assert run_here(tmp_path, sandbox.url, customers(GOOD), **store).code == 0
    ran = run_here(tmp_path, sandbox.url, customers(GOOD), receipts_path=str(FULL), **store)
    assert one_error(ran) == "receipts_path: /dev/full: No space left on device"


def test_an_unknown_stream_can_be_skipped(sandbox: Sandbox, tmp_path: Path) -> None:
    messages = [schema("orders", "n"), *records("orders", [{"n": "1"}] * 3), *customers(GOOD)]
    ran = run_here(tmp_path, sandbox.url, messages, on_unknown_stream="skip")
    assert (ran.code, ran.states) == (0, [{"done": True}])
    assert ran.figures("orders")["skipped"] == 3


def test_a_dry_run_sends_no_writes_and_no_state(sandbox: Sandbox, tmp_path: Path) -> None:
    listed = schema("list_profiles", "list_name", "email")
    rows = [{"list_name": "News", "email": "ada@shop.org"}]
    messages = [*customers(GOOD, BAD), listed, *records("list_profiles", rows)]
    ran = run_here(tmp_path, sandbox.url, messages, dry_run=True)
    assert (ran.code, ran.states) == (1, [])
    assert '"email":"ada@shop.org"' in ran.log
    assert "dry run, nothing was sent: stream 'profiles': rows 2, accepted 1" in ran.log
    assert {entry.method for entry in sandbox.requests} <= {"GET"}
    ran = run_here(tmp_path, sandbox.url, customers(GOOD), dry_run=True)
    assert (ran.code, ran.states) == (0, [])


def test_a_dry_run_shows_the_first_payload_of_each_stream(sandbox: Sandbox, tmp_path: Path) -> None:
    metric: dict[str, Any] = {"time": "at", "backfill": {"constant": True}}
    streams = {
        name: {"sink": "events", "columns": {**metric, "metric": {"constant": name}}}
        for name in ("orders", "refunds")
    }
    event = {**GOOD, "at": "2026-01-01T00:00:00Z"}
    messages = [
        message
        for name in streams
        for message in (schema(name, *event), *records(name, [event, {**event, "n": 2}]))
    ]
    ran = run_here(tmp_path, sandbox.url, messages, streams=streams, dry_run=True)
    shown = [line for line in ran.log.splitlines() if "first payload of bulk_create_events" in line]
    assert [("orders" in line, "refunds" in line) for line in shown] == [
        (True, False),
        (False, True),
    ]


def test_a_stream_of_the_mapping_that_never_comes_is_named(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    streams = {"orders": {"sink": "events"}}
    ran = run_here(tmp_path, sandbox.url, customers(GOOD), streams=streams)
    assert "streams.orders: no such stream came" in ran.log


def test_a_dry_run_knows_the_people_it_would_have_written(sandbox: Sandbox, tmp_path: Path) -> None:
    listed = schema("list_profiles", "list_name", "email")
    rows = [{"list_name": "News", "email": "ada@shop.org"}]
    messages = [*customers(GOOD), listed, *records("list_profiles", rows)]
    ran = run_here(tmp_path, sandbox.url, messages, dry_run=True)
    assert (ran.code, ran.states, ran.errors) == (0, [], [])


def test_stream_maps_apply_and_dead_letters_hold_what_came(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    letters = tmp_path / "letters.jsonl"
    messages = [
        schema("crm", "mail", "rank", keys=["mail"]),
        *records("crm", [{"mail": "ada@shop.org", "rank": "1"}, {"mail": "bad", "rank": "2"}]),
    ]
    ran = run_here(
        tmp_path,
        sandbox.url,
        messages,
        stream_maps={
            "crm": {
                "__alias__": "profiles",
                "email": "mail",
                "__else__": None,
                "__key_properties__": ["email"],
                "title": "'Dr ' + rank",
            }
        },
        on_error="dead_letter",
        dead_letter_path=str(letters),
    )
    assert (ran.code, ran.errors) == (0, [])
    assert profiles(sandbox)["ada@shop.org"]["title"] == "Dr 1"
    told, letter = [json.loads(line) for line in letters.read_text().splitlines()]
    assert (told["stream"], letter["stream"]) == ("crm", "crm")
    assert letter["record"] == {"mail": "bad", "rank": "2"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "was not found"),
        (b'{"streams": ', "the file holds no JSON object in UTF-8"),
        (b"", "the file holds no JSON object in UTF-8"),
        (b"[1]", "the file holds no JSON object in UTF-8"),
        (b"5", "the file holds no JSON object in UTF-8"),
        ('{"default_timezone": "é"}'.encode("latin-1"), "the file holds no JSON object in UTF-8"),
        (b'{"streams": ' + b"[" * 50_000, "the file holds no JSON object in UTF-8"),
    ],
    ids=["missing", "cut", "empty", "list", "number", "latin", "deep"],
)
def test_a_file_of_settings_that_cannot_be_read(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_bytes(content)
    ran = run_here(tmp_path, NOBODY, customers(GOOD), "--config", str(path))
    error = one_error(ran)
    assert error.startswith("--config: ")
    assert said in error


def test_receipts_and_dead_letters_are_two_files(tmp_path: Path) -> None:
    one, same = tmp_path / "lines", f"{tmp_path}/./lines"
    chosen = {"on_error": "dead_letter", "dead_letter_path": str(one), "receipts_path": same}
    ran = run_here(tmp_path, NOBODY, customers(GOOD), **chosen)
    assert "dead_letter_path and receipts_path must be different files" in one_error(ran)
