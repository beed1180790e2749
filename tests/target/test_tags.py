"""Tags, and what bears them, read back from the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import held, load, records, run_target, schema, sent, state

FIELDS = ("list_id", "segment_id", "flow_id", "campaign_id")
COLUMNS = ("tag_id", "tag_name", *FIELDS, "list_name")
LENIENT = {"on_error": "dead_letter", "dead_letter_path": "/dev/null"}
LINKED, NOT_LINKED = "skipped: has this tag already", "skipped: does not have this tag"


def tags(*names: str) -> list[Any]:
    rows = [{"name": name} for name in names]
    return [schema("tags", "name"), *records("tags", rows), state({"n": 1})]


def links(*rows: Mapping[str, Any]) -> list[Any]:
    return [schema("tag_links", *COLUMNS), *records("tag_links", rows), state({"n": 1})]


def ids(sandbox: Sandbox, kind: str) -> list[str]:
    return sandbox.account.ids(kind)


def tag_ids(sandbox: Sandbox) -> dict[str, str]:
    return {one["name"]: one["id"] for one in held(sandbox, "get_tags")}


def bearing(sandbox: Sandbox, kind: str, bearer: str) -> set[str]:
    return {one["name"] for one in held(sandbox, f"get_tags_for_{kind}", id=bearer)}


def test_tags_are_created_where_they_are_missing(sandbox: Sandbox) -> None:
    before = set(tag_ids(sandbox))
    ran = run_target(sandbox.url, tags("spring", "autumn", "spring", min(before), ""), **LENIENT)
    figures = ran.figures("tags")
    assert (figures["rows"], figures["accepted"]) == (5, 2)
    assert (figures["skipped"], figures["rejected"]) == (2, 1)
    assert set(tag_ids(sandbox)) - before == {"spring", "autumn"}
    loaded = load(sandbox, tags("spring", "autumn"))
    assert loaded.counts("tags") == {"skipped: tag exists already": 2}


def test_everything_that_can_bear_a_tag(sandbox: Sandbox) -> None:
    bearers = {field: ids(sandbox, field.removesuffix("_id"))[0] for field in FIELDS}
    rows = [{"tag_name": "spring", field: bearer} for field, bearer in bearers.items()]
    loaded = load(sandbox, [*links(*rows), *tags("spring")])
    assert loaded.error is None
    assert loaded.counts("tag_links") == {"accepted": 4}
    for field, bearer in bearers.items():
        assert "spring" in bearing(sandbox, field.removesuffix("_id"), bearer)
    assert load(sandbox, links(*rows)).counts("tag_links") == {LINKED: 4}
    off = {"streams": {"tag_links": {"mode": "remove"}}}
    assert load(sandbox, links(*rows), **off).counts("tag_links") == {"accepted": 4}
    assert load(sandbox, links(*rows), **off).counts("tag_links") == {NOT_LINKED: 4}
    for field, bearer in bearers.items():
        assert "spring" not in bearing(sandbox, field.removesuffix("_id"), bearer)


def test_good_bad_and_repeated_links(sandbox: Sandbox) -> None:
    first, second, *_ = ids(sandbox, "list")
    tag = next(iter(tag_ids(sandbox).values()))
    (named,) = [one["name"] for one in held(sandbox, "get_lists") if one["id"] == second]
    load(sandbox, tags("spring"))
    rows = [
        {"tag_name": "spring", "list_id": first},
        {"tag_name": "spring", "list_id": first},
        {"tag_name": "spring", "list_name": named},
        {"tag_name": "spring", "list_name": "No such list"},
        {"tag_name": "spring", "list_id": "NOLIST"},
        {"tag_name": "no such tag", "list_id": first},
        {"tag_id": "01nosuchtag", "list_id": first},
        {"tag_id": tag, "segment_id": "x", "flow_id": "y"},
        {"tag_id": tag},
    ]
    loaded = load(sandbox, links(*rows), **LENIENT)
    counts = loaded.counts("tag_links")
    assert sum(counts.values()) == len(rows)
    assert (counts["accepted"], counts["skipped: duplicate"]) == (2, 1)
    refused = "\n".join(reason for reason in counts if reason.startswith("rejected"))
    assert sum(n for reason, n in counts.items() if reason in refused) == 6
    for words in (
        "no list has this name",
        "Klaviyo answered 404",
        "the sink tags creates tags",
        "no tag has this tag_id",
        "names more than one thing to tag: segment_id, flow_id",
        "has no list_id or segment_id",
    ):
        assert words in refused, words
    assert "spring" in bearing(sandbox, "list", first)
    assert "spring" in bearing(sandbox, "list", second)


@pytest.mark.parametrize("operation", ["create_tag", "tag_lists"])
def test_a_lost_answer_leaves_one_row_unknown(sandbox: Sandbox, operation: str) -> None:
    sandbox.faults.add(operation, "lost_response")
    row = {"tag_name": "spring", "list_id": ids(sandbox, "list")[0]}
    loaded = load(sandbox, [*tags("spring"), *links(row)], **LENIENT)
    counts = {**loaded.counts("tags"), **loaded.counts("tag_links")}
    assert sum(n for reason, n in counts.items() if reason.startswith("unknown")) == 1
    assert len(sent(sandbox, operation)) == 1
