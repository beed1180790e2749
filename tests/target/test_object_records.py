"""Records of custom objects, read back from the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import held, load, records, run_target, schema, sent, state

NUMBER = {"type": ["integer", "null"]}
LENIENT = {"on_error": "dead_letter", "dead_letter_path": "/dev/null"}
NOWHERE = "rejected: no data source, or more than one, has this id or title"
DELETE = {"streams": {"object_records": {"mode": "delete"}}}
SOURCE = [
    schema("requests", "method", "path", body={}),
    *records(
        "requests",
        [
            {
                "method": "POST",
                "path": "/api/data-sources",
                "body": {"data": {"type": "data-source", "attributes": {"title": "pet"}}},
            }
        ],
    ),
]


def pets(*rows: Mapping[str, Any]) -> list[Any]:
    told = schema("object_records", "data_source", "data_source_id", "name", "text", id=NUMBER)
    return [told, *records("object_records", rows), state({"n": 1})]


def kept(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """The seeded type `pet`, which a source of that title feeds."""
    (pet,) = [one["id"] for one in held(sandbox, "get_object_types") if one["title"] == "pet"]
    found = held(sandbox, "get_records_for_object_type", id=pet)
    return {one["id"]: one["record_properties"] for one in found}


def test_records_of_a_data_source(sandbox: Sandbox) -> None:
    load(sandbox, SOURCE)
    before = kept(sandbox)
    rows: list[dict[str, Any]] = [
        {"data_source": "pet", "id": 9001, "name": "Rex"},
        {"data_source": "pet", "id": 9001, "name": "Max"},
        {"data_source": "pet", "id": 1, "name": "Known"},
        {"data_source": "pet", "id": 9002, "text": "x" * 600_000},
        {"data_source": "no such source", "id": 9003},
        {"data_source": "pet"},
        {"id": 9004},
    ]
    ran = run_target(sandbox.url, pets(*rows), **LENIENT)
    assert ran.code == 0, ran.log
    figures = ran.figures("object_records")
    assert (figures["rows"], figures["accepted"], figures["rejected"]) == (7, 3, 4)
    assert "is larger than 512 KB" in ran.log
    assert "no data source, or more than one, has this id or title" in ran.log
    after = kept(sandbox)
    assert set(after) - set(before) == {"pet:::9001"}
    assert after["pet:::9001"] == {"id": 9001, "name": "Max"}
    assert after["pet:::1"]["name"] == "Known"


def test_501_records_are_two_requests(sandbox: Sandbox) -> None:
    load(sandbox, SOURCE)
    rows = [{"data_source": "pet", "id": 9_000 + number} for number in range(501)]
    assert load(sandbox, pets(*rows)).counts("object_records") == {"accepted": 501}
    assert sent(sandbox, "bulk_create_data_source_records") == [204, 204]
    assert {f"pet:::{row['id']}" for row in rows} <= set(kept(sandbox))


def test_an_unknown_source_refuses_its_rows_only(sandbox: Sandbox) -> None:
    load(sandbox, SOURCE)
    rows = [{"data_source_id": "nowhere", "id": 1}, {"data_source": "pet", "id": 9001}]
    counts = load(sandbox, pets(*rows), **LENIENT).counts("object_records")
    assert counts == {"accepted": 1, NOWHERE: 1}


def test_records_are_deleted(sandbox: Sandbox) -> None:
    gone = sorted(kept(sandbox))[:2]
    rows = [{"object_record_id": one} for one in (*gone, gone[0])]
    messages = [schema("object_records", "object_record_id"), *records("object_records", rows)]
    loaded = load(sandbox, messages, **DELETE)
    assert loaded.counts("object_records") == {"accepted": 2, "skipped: duplicate": 1}
    assert not set(gone) & set(kept(sandbox))


def test_a_lost_answer_is_repeated(sandbox: Sandbox) -> None:
    load(sandbox, SOURCE)
    sandbox.faults.add("bulk_create_data_source_records", "lost_response")
    loaded = load(sandbox, pets({"data_source": "pet", "id": 9001}))
    assert loaded.counts("object_records") == {"accepted": 1}
    assert sent(sandbox, "bulk_create_data_source_records") == [204, 204]
