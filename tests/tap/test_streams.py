"""Every stream against the account that it reads: row for row, key for key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import jsonschema
import pytest
import requests

from klaviyo_client.operations import operation
from klaviyo_sandbox import Sandbox
from klaviyo_sandbox.account import Account
from klaviyo_sandbox.seed_account import FLOW_DEFINITION
from tap_klaviyo.records import RELATION
from tap_klaviyo.schema_files import marked_schema
from tap_klaviyo.spec import StreamSpec
from tap_klaviyo.specs import STREAMS
from tests.tap.account import HEADERS
from tests.tap.running import Run, RunTap, catalog

LIST_PROFILES = next(spec for spec in STREAMS if spec.name == "list_profiles")
Resource = dict[str, Any]
Row = dict[str, Any]
# After the account's history, and before today.
LATELY = "2026-10-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Limits far above Klaviyo's, so that reading everything takes no minute."""
    with Sandbox(profiles=90, events=700, limits=False, raised=1_000, keep_answers=True) as running:
        yield running


@pytest.fixture(scope="module")
def full(sandbox: Sandbox, module_tap: RunTap) -> Run:
    run = module_tap(sandbox.url)
    assert run.code == 0, run.errors
    return run


def related(resource: Resource, name: str) -> list[str]:
    """The ids of a relationship."""
    data = resource["relationships"][name].get("data") or []
    return [one["id"] for one in (data if isinstance(data, list) else [data])]


def pairs(kind: str, own: str, relation: str, other: str) -> Callable[[Account], list[Row]]:
    """What a stream of links holds."""
    return lambda account: [
        {own: one["id"], other: target}
        for one in account.resources(kind)
        for target in related(one, relation)
    ]


def suppressed(name: str) -> Callable[[Account], list[Row]]:
    """What the subscriptions of all profiles say of suppressions."""
    return lambda account: [
        {"profile_id": one["id"], "email": one["attributes"]["email"], **entry}
        for one in account.resources("profile")
        for entry in one["attributes"]["subscriptions"]["email"]["marketing"][name]
    ]


def consents(account: Account) -> list[Row]:
    """What the subscriptions of all profiles say of consents."""
    return [
        {
            "profile_id": one["id"],
            "channel": channel,
            "message_type": kind,
            "consent": entry["consent"],
            "consent_timestamp": entry["consent_timestamp"],
            "suppressed": bool(entry.get("suppression")),
            **{name: one["attributes"][name] for name in ("email", "phone_number", "external_id")},
        }
        for one in account.resources("profile")
        for channel, kinds in one["attributes"]["subscriptions"].items()
        for kind, entry in (kinds or {}).items()
    ]


def list_tags(account: Account) -> list[Row]:
    """The tags of lists, by name."""
    names = {
        kind: {one["id"]: one["attributes"]["name"] for one in account.resources(kind)}
        for kind in ("list", "tag")
    }
    return [
        {
            **row,
            "list_name": names["list"][row["list_id"]],
            "tag_name": names["tag"][row["tag_id"]],
        }
        for row in pairs("list", "list_id", "tags", "tag_id")(account)
    ]


def members(kind: str) -> Callable[[Account], list[Row]]:
    """Who is in the lists or segments."""
    return lambda account: [
        {f"{kind}_id": group, "id": profile, "joined_group_at": joined}
        for group in account.ids(kind)
        for profile, joined in account.members(group).items()
    ]


def imported(account: Account) -> list[Row]:
    """Whom the seeded imports have brought: every tenth profile, by the number of the import."""
    jobs = account.resources("profile-bulk-import-job")
    newest = sorted(jobs, key=lambda one: one["attributes"]["created_at"], reverse=True)
    return [
        {"job_id": job["id"], "profile_id": profile}
        for number, job in enumerate(newest)
        for profile in account.ids("profile")[number::10]
    ]


# What no resource of the account says as it stands.
EXPECTED: dict[str, Callable[[Account], list[Row]]] = {
    "campaign_tags": pairs("campaign", "campaign_id", "tags", "tag_id"),
    "catalog_category_items": pairs("catalog-category", "category_id", "items", "item_id"),
    "flow_definitions": lambda account: [
        {"flow_id": one, "definition": json.loads(FLOW_DEFINITION)} for one in account.ids("flow")
    ],
    "form_definitions": lambda account: [
        {"form_id": one, "definition": {"versions": []}} for one in account.ids("form")
    ],
    "flow_tags": pairs("flow", "flow_id", "tags", "tag_id"),
    "list_flow_triggers": pairs("list", "list_id", "flow-triggers", "flow_id"),
    "list_profiles": members("list"),
    "list_tags": list_tags,
    "metric_flow_triggers": pairs("metric", "metric_id", "flow-triggers", "flow_id"),
    "profile_bulk_import_job_lists": pairs("profile-bulk-import-job", "job_id", "lists", "list_id"),
    "profile_bulk_import_job_profiles": imported,
    "profile_consents": consents,
    "profile_list_suppressions": suppressed("list_suppressions"),
    "profile_suppressions": suppressed("suppression"),
    "segment_flow_triggers": pairs("segment", "segment_id", "flow-triggers", "flow_id"),
    "segment_profiles": members("segment"),
    "segment_tags": pairs("segment", "segment_id", "tags", "tag_id"),
}
KINDS = {"conversations": "conversation"}


def kind_of(spec: StreamSpec) -> str:
    """The resource that a stream's records are."""
    return KINDS.get(spec.name) or operation(spec.operation).resource or ""


def expected(spec: StreamSpec, account: Account) -> list[Row]:
    """What the account holds for a stream."""
    if spec.name in EXPECTED:
        return EXPECTED[spec.name](account)
    resources = account.resources(kind_of(spec))
    return [{"id": one["id"], **one["attributes"]} for one in resources]


def comparable(value: Any) -> Any:
    """A value with date-times in one form."""
    if isinstance(value, dict):
        return {name: comparable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [comparable(part) for part in value]
    if isinstance(value, str) and value[4:5] == value[7:8] == "-":
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value


def key_of(spec: StreamSpec, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in spec.primary_keys)


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_a_first_run_holds_what_the_account_holds(
    sandbox: Sandbox, full: Run, spec: StreamSpec
) -> None:
    records = {key_of(spec, record): record for record in full.records(spec.name)}
    assert len(records) == len(full.records(spec.name)), "nothing comes twice"
    rows = expected(spec, sandbox.account)
    assert rows, "the account must hold some"
    assert set(records) == {key_of(spec, row) for row in rows}
    for row in rows:
        record = records[key_of(spec, row)]
        extra = record.get("extra_attributes") or {}
        for name, value in row.items():
            if name not in spec.unselected:
                held = record[name] if name in record else extra[name]
                assert comparable(held) == comparable(value), name


@pytest.mark.parametrize(
    "spec", [spec for spec in STREAMS if spec.name not in EXPECTED], ids=lambda spec: spec.name
)
def test_records_name_what_they_belong_to(sandbox: Sandbox, full: Run, spec: StreamSpec) -> None:
    resources = {one["id"]: one for one in sandbox.account.resources(kind_of(spec))}
    columns = {
        name: part[RELATION]
        for name, part in marked_schema(spec)["properties"].items()
        if RELATION in part and name not in spec.unselected
    }
    columns |= {
        one.column: one.column.removesuffix("_id").replace("_", "-") for one in spec.parents
    }
    for record in full.records(spec.name):
        relations = resources[record["id"]].get("relationships", {})
        for column, relation in columns.items():
            if relation in relations:
                held = record[column] or []
                ids = held if isinstance(held, list) else [held]
                assert sorted(ids) == related(resources[record["id"]], relation), column
    assert all(record[one.column] for one in spec.parents for record in full.records(spec.name))


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_every_record_fits_its_schema_strictly(full: Run, spec: StreamSpec) -> None:
    schema = next(
        one["schema"]
        for one in full.messages
        if one["type"] == "SCHEMA" and one["stream"] == spec.name
    )
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    assert "date-time" in checker.checkers, "rfc3339-validator is what checks date-times"
    strict = {**schema, "additionalProperties": False}
    validator = jsonschema.Draft202012Validator(strict, format_checker=checker)
    wanted = set(schema["properties"]) - set(spec.unselected) - {"extra_attributes"}
    for record in full.records(spec.name):
        validator.validate(record)
        assert wanted <= set(record), "a column without a value is null, and there"


@pytest.mark.parametrize("spec", STREAMS, ids=lambda spec: spec.name)
def test_no_column_holds_values_of_several_types(full: Run, spec: StreamSpec) -> None:
    """Loaders take none: target-postgres refuses lists of mixed values."""
    schema = next(
        one["schema"]
        for one in full.messages
        if one["type"] == "SCHEMA" and one["stream"] == spec.name
    )
    for name, part in schema["properties"].items():
        for held in filter(None, (part, part.get("items"))):
            types = {held["type"]} if isinstance(held["type"], str) else set(held["type"])
            assert len(types - {"null"}) == 1, name


def test_values_that_a_property_has_had_are_texts(full: Run) -> None:
    for record in full.records("metric_properties"):
        _, *others = record["sample_values"]
        assert others == ["1", "2.5", "true"]


def changed(spec: StreamSpec, account: Account, moment: str = LATELY, new: str = "01NEW") -> str:
    """Put one more resource like one that is there, changed at `moment`; its id."""
    kind = kind_of(spec)
    example = account.resources(kind)[0]
    columns = {
        relation.replace("-", "_") + "_id": part["data"]["id"]
        for relation, part in example.get("relationships", {}).items()
        if isinstance(part.get("data"), dict)
    }
    key = spec.replication_key or ""
    attributes = {**example["attributes"], key: moment}
    if kind == "event":
        attributes["timestamp"] = int(datetime.fromisoformat(moment).timestamp())
    if kind == "profile":
        columns["subscriptions"] = json.dumps(attributes.pop("subscriptions"))
        attributes |= {"email": f"{new}@klaviyo-sandbox.dev", "phone_number": None}
        attributes["external_id"] = None
    columns |= {"channel": "sms"} if kind == "campaign" else {}
    columns |= {"object_type_id": account.ids("object-type")[0]} if "object" in kind else {}
    account.put(kind, new, attributes, columns=columns)
    return new


def joined(spec: StreamSpec, account: Account, moment: str, who: int) -> None:
    """Put somebody into a list or segment."""
    kind = spec.name.removesuffix("_profiles")
    group = account.ids(kind)[0]
    outside = [one for one in account.ids("profile") if one not in account.members(group)]
    account.add_members(kind, group, {outside[who]: moment})


def test_runs_loaded_one_over_the_other_are_the_account(run_tap: RunTap) -> None:
    """What comes at the very moment of a bookmark, what is new, what has changed, who joined."""
    specs = [
        spec
        for spec in STREAMS
        if spec.replication_key and "suppressions" not in spec.name and "consents" not in spec.name
    ]
    names = [spec.name for spec in specs]
    with Sandbox(profiles=60, events=300, limits=False, raised=1_000, traps=False) as sandbox:
        account = sandbox.account
        runs = [run_tap(sandbox.url, *names)]
        assert runs[0].code == 0, runs[0].errors
        for spec in specs:
            tie = runs[0].state["bookmarks"][spec.name]["replication_key_value"]
            old = next(iter(expected(spec, account)))["id"]
            if spec.name in EXPECTED:
                joined(spec, account, tie, 0)
                joined(spec, account, LATELY, 1)
                continue
            changed(spec, account, tie, "01TIE")
            changed(spec, account)
            changed(spec, account, LATELY, old)
        runs.append(run_tap(sandbox.url, *names, state=runs[0].state))
        assert runs[1].code == 0, runs[1].errors
        for spec in specs:
            found = [run.records(spec.name) for run in runs]
            assert 0 < len(found[1]) < len(found[0])
            loaded = {key_of(spec, record): record for records in found for record in records}
            rows = expected(spec, account)
            assert set(loaded) == {key_of(spec, row) for row in rows}, spec.name
            for row in rows:
                record = loaded[key_of(spec, row)]
                held = {name: value for name, value in row.items() if name in record}
                assert comparable({name: record[name] for name in held}) == comparable(held)


def test_what_an_end_date_leaves_out_comes_with_a_later_run(
    sandbox: Sandbox, full: Run, run_tap: RunTap
) -> None:
    specs = [spec for spec in STREAMS if spec.replication_key]
    names = [spec.name for spec in specs]
    end = "2026-05-01T08:00:00Z"
    runs = [run_tap(sandbox.url, *names, end_date=end)]
    for given in ({"end_date": "2026-07-01"}, {}):
        runs.append(run_tap(sandbox.url, *names, state=runs[-1].state, **given))
    assert [run.code for run in runs] == [0, 0, 0], [run.errors for run in runs]
    for spec in specs:
        found = {key_of(spec, one) for run in runs for one in run.records(spec.name)}
        assert found == {key_of(spec, one) for one in full.records(spec.name)}, spec.name
        first = [one[spec.replication_key or ""] for one in runs[0].records(spec.name)]
        assert all(one < end for one in first if one), spec.name


@pytest.mark.parametrize(
    "spec",
    [spec for spec in STREAMS if spec.replication_key and not spec.parent],
    ids=lambda spec: spec.name,
)
def test_every_stream_that_takes_a_second_pass_can_make_it(
    sandbox: Sandbox, full: Run, run_tap: RunTap, spec: StreamSpec
) -> None:
    state = full.state["bookmarks"][spec.name] | {"read_again_until": "2026-01-01T00:00:00+00:00"}
    options = {spec.name: {"late_pass_days": 17}}
    run = run_tap(
        sandbox.url, spec.name, state={"bookmarks": {spec.name: state}}, stream_options=options
    )
    assert run.code == 0, run.errors
    again = {key_of(spec, one) for one in run.records(spec.name)}
    key = spec.replication_key or ""
    rows = [one for one in full.records(spec.name) if (one[key] or "") >= "2026-01-01"]
    assert again >= {key_of(spec, one) for one in rows} != set()


def test_a_later_run_brings_what_has_changed_and_nothing_old(run_tap: RunTap) -> None:
    specs = [
        spec
        for spec in STREAMS
        if spec.replication_key and spec.name not in EXPECTED and spec.name != "profiles"
    ]
    with Sandbox(profiles=60, events=300, limits=False, raised=1_000, traps=False) as sandbox:
        names = [spec.name for spec in specs]
        first = run_tap(sandbox.url, *names)
        assert first.code == 0, first.errors
        new = {spec.name: changed(spec, sandbox.account) for spec in specs}
        second = run_tap(sandbox.url, *names, state=first.state)
        assert second.code == 0, second.errors
        for spec in specs:
            found = [record["id"] for record in second.records(spec.name)]
            assert new[spec.name] in found, spec.name
            before = [record["id"] for record in first.records(spec.name)]
            assert len(found) < max(2, len(before)), f"{spec.name} reads everything again"
            bookmark = second.state["bookmarks"][spec.name]["replication_key_value"]
            assert bookmark == LATELY, spec.name


def test_who_was_suppressed_lately_comes_without_reading_everybody(run_tap: RunTap) -> None:
    names = ("profile_suppressions", "profile_list_suppressions")
    with Sandbox(profiles=400, events=0, limits=False) as sandbox:
        first = run_tap(sandbox.url, *names)
        assert first.code == 0, first.errors
        assert len(sandbox.requests.of("get_profiles")) == len(names)
        account = sandbox.account
        person = next(one for one in account.resources("profile") if not suppressions_of(one))
        entry = {"reason": "HARD_BOUNCE", "timestamp": LATELY}
        other = {**entry, "list_id": account.ids("list")[0]}
        marketing = {"suppression": [entry], "list_suppressions": [other]}
        columns = {
            "subscriptions": json.dumps({"email": {"marketing": marketing}}),
            "suppressed_at": LATELY,
            "list_suppressed_at": LATELY,
        }
        account.put("profile", person["id"], person["attributes"], columns=columns)
        second = run_tap(sandbox.url, *names, state=first.state)
        for name, wanted in zip(names, (entry, other), strict=True):
            newest = max(second.records(name), key=lambda one: one["timestamp"])
            email = person["attributes"]["email"]
            assert newest == {"profile_id": person["id"], "email": email, **wanted}
            assert len(second.records(name)) <= 2


def suppressions_of(profile: Resource) -> list[Row]:
    """All suppressions of a profile."""
    marketing = profile["attributes"]["subscriptions"]["email"]["marketing"]
    return [*marketing["suppression"], *marketing["list_suppressions"]]


def test_parents_of_parents_that_are_gone_leave_the_others(run_tap: RunTap) -> None:
    with Sandbox(profiles=5, events=0, limits=False, raised=1_000) as sandbox:
        account = sandbox.account
        sandbox.faults.add(operation="get_actions_for_flow", kind="status", status=404)
        run = run_tap(sandbox.url, "flow_messages")
        assert run.code == 0, run.errors
        assert len(run.records("flow_messages")) == account.count("flow-message") - 2


def test_deselected_columns_of_links_and_children_stay_out(run_tap: RunTap) -> None:
    with Sandbox(profiles=60, events=0, limits=False, raised=1_000) as sandbox:
        chosen = catalog("conversations", "flow_messages", "profile_suppressions")
        for stream in chosen["streams"]:
            for row in stream["metadata"]:
                if row["breadcrumb"][1:] in (["channel"], ["flow_id"], ["email"]):
                    row["metadata"]["selected"] = False
        run = run_tap(sandbox.url, catalog_content=chosen)
        assert run.code == 0, run.errors
        columns = {
            "conversations": {"id", "profile_id"},
            "profile_suppressions": {"profile_id", "reason", "timestamp"},
        }
        for name, wanted in columns.items():
            assert run.records(name)
            assert all(set(one) - {"extra_attributes"} == wanted for one in run.records(name))
        assert not any("flow_id" in one for one in run.records("flow_messages"))
        assert all(one["flow_action_id"] for one in run.records("flow_messages"))


@pytest.mark.parametrize("revision", ["2026-10-15", "2026-10-15.pre"])
def test_campaigns_in_the_form_of_later_revisions(run_tap: RunTap, revision: str) -> None:
    names = ("campaigns", "campaign_messages", "campaign_tags", "campaign_recipient_estimations")
    with Sandbox(profiles=5, events=0, limits=False, raised=1_000) as sandbox:
        run = run_tap(sandbox.url, *names, revision=revision)
        assert run.code == 0, run.errors
        account = sandbox.account
        campaigns = {one["id"]: one["attributes"] for one in account.resources("campaign")}
        records = {one["id"]: one for one in run.records("campaigns")}
        assert len(records) == len(run.records("campaigns")) == len(campaigns)
        for campaign_id, held in campaigns.items():
            record = records[campaign_id]
            assert (record["name"], record["archived"]) == (held["name"], held["archived"])
            assert comparable(record["updated_at"]) == comparable(held["updated_at"])
            assert record["definition"]["send_settings"]["audiences"] == held["audiences"]
        messages = run.records("campaign_messages")
        assert len(messages) == account.count("campaign-message")
        assert {one["status"] for one in messages} == {"sent", "draft"}
        wanted = {key_of_link(row) for row in EXPECTED["campaign_tags"](account)}
        assert {key_of_link(row) for row in run.records("campaign_tags")} == wanted
        assert len(run.records(names[3])) == account.count("campaign-recipient-estimation")
        again = run_tap(sandbox.url, "campaigns", revision=revision, state=run.state)
        assert 0 < len(again.records("campaigns")) < len(campaigns) / 10


def key_of_link(row: Row) -> tuple[str, str]:
    return row["campaign_id"], row["tag_id"]


def test_what_broke_off_is_made_good_by_the_next_run(run_tap: RunTap) -> None:
    with Sandbox(profiles=130, events=1_200, limits=False, raised=1_000, traps=False) as sandbox:
        for called in sorted({spec.operation for spec in STREAMS}):
            sandbox.faults.add(operation=called, kind="status", status=400, after=1)
        options = {"events": {"page_size": 100}}
        first = run_tap(sandbox.url, stream_options=options)
        assert first.code == 1
        assert "not everything was read" in first.errors
        sandbox.faults.clear()
        second = run_tap(sandbox.url, stream_options=options, state=first.state)
        assert second.code == 0, second.errors
        broken = 0
        for spec in STREAMS:
            keys = {key_of(spec, row) for row in expected(spec, sandbox.account)}
            runs = [
                {key_of(spec, one) for one in run.records(spec.name)} for run in (first, second)
            ]
            assert runs[0] | runs[1] == keys, spec.name
            broken += runs[0] != keys
        assert broken > 15, "many streams must have broken off"


def test_who_left_and_what_was_archived_show_in_the_next_run(run_tap: RunTap) -> None:
    content = catalog("flows", "list_profiles")
    for entry in content["streams"]:
        if entry["tap_stream_id"] == "list_profiles":
            entry["replication_method"] = "FULL_TABLE"
    with Sandbox(profiles=60, events=0, limits=False) as sandbox:
        wishes: dict[str, Any] = {
            "catalog_content": content,
            "emit_activate_version_messages": True,
        }
        first = run_tap(sandbox.url, **wishes)
        assert first.code == 0, first.errors
        flow = next(one for one in sandbox.account.resources("flow") if not archived(one))
        attributes = {**flow["attributes"], "archived": True, "updated": LATELY}
        sandbox.account.put("flow", flow["id"], attributes)
        before = {(one["list_id"], one["id"]) for one in first.records("list_profiles")}
        group, leaver = min(before)
        members = {person for of, person in before if of == group}
        joiner = next(one for one in sandbox.account.ids("profile") if one not in members)
        address = f"{sandbox.url}/api/lists/{group}/relationships/profiles"
        for change, person in ((requests.delete, leaver), (requests.post, joiner)):
            body = {"data": [{"type": "profile", "id": person}]}
            change(address, json=body, headers=HEADERS, timeout=60).raise_for_status()
        second = run_tap(sandbox.url, state=first.state, **wishes)
        assert second.code == 0, second.errors
        assert [one["archived"] for one in second.records("flows") if one["id"] == flow["id"]] == [
            True
        ]
        after = {(one["list_id"], one["id"]) for one in second.records("list_profiles")}
        assert after == before - {(group, leaver)} | {(group, joiner)}
        # Seconds since 1970; two runs of a test may begin in the same one.
        assert version_of(second) >= version_of(first) > 1_700_000_000
        types = [one["type"] for one in second.messages if one.get("stream") == "list_profiles"]
        assert types[-1] == "ACTIVATE_VERSION", "a loader drops the rows of the old version"


def test_a_table_that_was_not_read_whole_drops_no_rows(run_tap: RunTap) -> None:
    """Loaders drop the rows of before as soon as they are told of a new version."""
    with Sandbox(profiles=30, events=0, limits=False, raised=1_000) as sandbox:
        sandbox.faults.add(operation="get_tags", kind="status", status=403)
        run = run_tap(sandbox.url, "tags", "metrics", emit_activate_version_messages=True)
        assert run.code == 1
        kinds = [(one.get("stream"), one["type"]) for one in run.messages if one["type"] != "STATE"]
        assert ("tags", "ACTIVATE_VERSION") not in kinds
        assert ("metrics", "RECORD") in kinds
        of_metrics = [kind for stream, kind in kinds if stream == "metrics"]
        assert of_metrics[-1] == "ACTIVATE_VERSION"
        assert of_metrics.count("ACTIVATE_VERSION") == 1


def test_whole_lists_are_whole_whatever_the_dates(run_tap: RunTap) -> None:
    content = catalog("list_profiles")
    for entry in content["streams"]:
        if entry["tap_stream_id"] == "list_profiles":
            entry["replication_method"] = "FULL_TABLE"
    with Sandbox(profiles=60, events=0, limits=False, raised=1_000) as sandbox:
        wishes = {"start_date": "2026-01-01", "end_date": "2026-02-01"}
        run = run_tap(sandbox.url, catalog_content=content, **wishes)
        wanted = {key_of(LIST_PROFILES, row) for row in members("list")(sandbox.account)}
        assert {key_of(LIST_PROFILES, one) for one in run.records("list_profiles")} == wanted


def archived(flow: Resource) -> bool:
    """Whether a flow is archived."""
    return bool(flow["attributes"]["archived"])


def version_of(run: Run) -> int:
    """The version of the table that a run announced, and all its rows carry."""
    versions = {
        one.get("version")
        for one in run.messages
        if one.get("stream") == "list_profiles" and one["type"] != "SCHEMA"
    }
    (version,) = versions
    return int(version or 0)
