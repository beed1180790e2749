import json
from pathlib import Path
from typing import Any

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import load, profiles, records, schema, sent, state

COLUMNS = ("email", "phone_number", "external_id", "title", "plan")
PHONE = "+14155550123"
CUSTOMERS = schema("profiles", *COLUMNS, keys=["email"])


def customers(*rows: dict[str, Any]) -> list[Any]:
    return [CUSTOMERS, *records("profiles", rows), state({"done": True})]


def test_rows_upsert_people(sandbox: Sandbox) -> None:
    loaded = load(sandbox, customers({"email": "ada@shop.org", "title": "Dr", "plan": "gold"}))
    assert loaded.error is None
    assert loaded.states == [{"done": True}]
    loaded = load(sandbox, customers({"email": "ada@shop.org", "title": "Prof", "plan": ""}))
    (ada,) = profiles(sandbox).values()
    assert (ada["title"], ada["properties"]) == ("Prof", {"plan": "gold"})
    assert sent(sandbox, "bulk_import_profiles") == [202, 202]


def test_good_bad_repeated_and_oversize_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    letters = tmp_path / "letters.jsonl"
    rows = [
        {"email": "ada@shop.org", "plan": "silver"},
        {"email": "no address"},
        {"email": "bob@shop.org", "phone_number": "12"},
        {"email": "", "plan": "nobody"},
        {"plan": "no key"},
        {"email": "big@shop.org", "plan": "x" * 100_000},
        {"email": "ADA@shop.org", "plan": "gold"},
        {"email": "cy@shop.org", "phone_number": "+1 415 555 0123"},
    ]
    loaded = load(sandbox, customers(*rows), on_error="dead_letter", dead_letter_path=str(letters))
    assert loaded.error is None
    counts = loaded.counts("profiles")
    assert counts == {
        "accepted": 2,
        "skipped: merged into a later row of the same person or thing": 1,
        "rejected: column 'email' is no e-mail address": 1,
        "rejected: column 'phone_number' is no phone number in E.164 (+14155550123); set "
        "default_phone_region, such as US, for national ones": 1,
        "rejected: has no email or phone_number or external_id or id": 1,
        "rejected: lacks its key property 'email'": 1,
        "rejected: is larger than 100 KB, Klaviyo's limit": 1,
    }
    assert sum(counts.values()) == len(rows)
    found = {email.lower(): one for email, one in profiles(sandbox).items()}
    assert found["ada@shop.org"]["properties"] == {"plan": "gold"}
    assert found["cy@shop.org"]["phone_number"] == "+14155550123"
    assert loaded.states == [{"done": True}]
    assert letters.stat().st_mode & 0o777 == 0o600


def test_10001_rows_are_two_jobs(sandbox: Sandbox) -> None:
    rows = [{"email": f"p{number}@shop.org"} for number in range(10_001)]
    loaded = load(sandbox, customers(*rows))
    assert loaded.counts("profiles") == {"accepted": 10_001}
    assert loaded.tallies["profiles"].jobs == 2
    assert len(profiles(sandbox)) == 10_001


def test_nulls_are_ignored_or_clear(sandbox: Sandbox) -> None:
    full = {"email": "ada@shop.org", "title": "Dr", "plan": "gold"}
    nulls = {"email": "ada@shop.org", "title": None, "plan": None}
    load(sandbox, customers(full))
    load(sandbox, customers(nulls))
    assert profiles(sandbox)["ada@shop.org"]["title"] == "Dr"
    loaded = load(sandbox, customers(nulls), null_policy="clear")
    assert loaded.counts("profiles") == {"accepted": 1}
    assert profiles(sandbox)["ada@shop.org"]["title"] is None
    assert sent(sandbox, "create_or_update_profile") == [200]


def test_immediate_rows_go_one_by_one(sandbox: Sandbox) -> None:
    streams = {"profiles": {"sink": "profiles", "immediate": True}}
    rows = [{"email": f"p{number}@shop.org"} for number in range(3)]
    load(sandbox, customers(*rows), streams=streams)
    assert sent(sandbox, "create_or_update_profile") == [201] * 3
    assert not sent(sandbox, "bulk_import_profiles")


def test_what_a_job_refuses_is_laid_at_its_row(sandbox: Sandbox, tmp_path: Path) -> None:
    load(sandbox, customers({"email": "ada@shop.org"}, {"email": "", "phone_number": PHONE}))
    both = {"email": "ada@shop.org", "phone_number": PHONE}
    receipts = tmp_path / "receipts.jsonl"
    loaded = load(
        sandbox,
        customers({"email": "bob@shop.org"}, both, {"email": "cy@shop.org"}),
        receipts_path=str(receipts),
    )
    assert loaded.counts("profiles") == {
        "accepted": 2,
        "rejected: Klaviyo's job refused it (duplicate_profile)": 1,
    }
    assert "row 2 rejected" in str(loaded.error)
    assert loaded.states == []
    lines = [json.loads(line) for line in receipts.read_text().splitlines()]
    assert [(one["row"], one["outcome"]) for one in lines] == [
        (1, "accepted"),
        (2, "rejected"),
        (3, "accepted"),
    ]
    assert lines[0]["keys"] == {"email": "bob@shop.org"}
    assert all(one["job_id"] for one in lines)


def test_a_cancelled_job_leaves_its_rows_unknown(sandbox: Sandbox) -> None:
    sandbox.faults.add("bulk_import_profiles", "cancelled_job")
    loaded = load(sandbox, customers({"email": "ada@shop.org"}))
    assert loaded.counts("profiles") == {
        "unknown: Klaviyo has cancelled a bulk job; repeating the run is safe": 1
    }
    assert loaded.error is not None


def test_a_schema_change_keeps_the_order_of_rows(sandbox: Sandbox) -> None:
    wider = schema("profiles", "email", "title", "plan", "extra", keys=["email"])
    messages = [
        *customers({"email": "ada@shop.org", "title": "first"}),
        wider,
        *records("profiles", [{"email": "ada@shop.org", "title": "second"}]),
    ]
    load(sandbox, messages)
    assert profiles(sandbox)["ada@shop.org"]["title"] == "second"


def test_records_of_tap_klaviyo_are_taken(sandbox: Sandbox) -> None:
    kinds = {"location": {"type": "object"}, "properties": {"type": "object"}}
    told = schema("profiles", "id", "email", "created", "extra_attributes", keys=["id"], **kinds)
    record = {
        "id": "01ABCDEFGHJKMNPQRSTVWXYZ00",
        "email": "ada@shop.org",
        "created": "2026-01-01T00:00:00+00:00",
        "extra_attributes": None,
        "location": {"city": "Bristol", "zip": None},
        "properties": {"plan": "gold", "score": 1.5},
    }
    loaded = load(sandbox, [told, *records("profiles", [record])])
    assert loaded.error is None
    ada = profiles(sandbox)["ada@shop.org"]
    assert ada["location"]["city"] == "Bristol"
    assert ada["properties"] == {"plan": "gold", "score": 1.5}


def test_a_person_named_by_id_and_by_address_is_one_person(sandbox: Sandbox) -> None:
    load(sandbox, customers({"email": "ada@shop.org"}, {"email": "ben@shop.org"}))
    ada = profiles(sandbox)["ada@shop.org"]["id"]
    rows: list[dict[str, Any]] = [
        {"pid": ada, "title": "First"},
        {"email": "Ada@shop.org", "title": "Second"},
        {"email": "ben@shop.org", "title": "Ben"},
        {"pid": ada, "title": "Last"},
    ]
    told = [schema("crm", "pid", "email", "title"), *records("crm", rows)]
    streams = {"crm": {"sink": "profiles", "columns": {"id": "pid"}}}
    loaded = load(sandbox, told, streams=streams)
    assert loaded.counts("crm") == {
        "accepted": 2,
        "skipped: merged into a later row of the same person or thing": 2,
    }
    found = {email: one["title"] for email, one in profiles(sandbox).items()}
    assert found == {"ada@shop.org": "Last", "ben@shop.org": "Ben"}
