"""Rows that are nested more deeply than decoders and encoders can follow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.nesting import LEVELS, shallow, too_deep
from tests.target.running import load, profiles, records, run_target, schema, sent, text

DEEP = f"rejected: is nested more than {LEVELS} levels deep"
ANY: dict[str, Any] = {}


def nested(levels: int, opening: str = "[") -> str:
    """JSON text of so many levels."""
    return '{"a":' * levels + "1" + "}" * levels if opening == "{" else "[" * levels + "]" * levels


def letters(path: Path) -> dict[str, str]:
    return {"on_error": "dead_letter", "dead_letter_path": str(path)}


@pytest.mark.parametrize("opening", ["[", "{"])
@pytest.mark.parametrize("levels", [LEVELS, 965, 975, 985, 1_000, 50_000])
def test_a_deep_row_is_refused_and_kept_as_it_came(
    sandbox: Sandbox, tmp_path: Path, levels: int, opening: str
) -> None:
    good = [{"email": f"{name}@shop.org", "deep": None} for name in ("ann", "bob")]
    row = {"email": "eve@shop.org", "deep": "HERE"}
    declared = text([schema("profiles", "email", keys=["email"], deep=ANY)])
    deep = text(records("profiles", [row])).replace('"HERE"', nested(levels, opening))
    first, second = (text(records("profiles", [one])) for one in good)
    file, receipts = tmp_path / "letters", tmp_path / "receipts"
    settings = {
        **letters(file),
        "receipts_path": str(receipts),
        "change_store": str(tmp_path / "c"),
    }
    done = run_target(sandbox.url, declared + first + deep + second, **settings)
    assert done.code == 0, done.log
    assert f"rejected 1: {DEEP.partition(': ')[2]} (first: row 2)" in done.log
    assert set(profiles(sandbox)) == {"ann@shop.org", "bob@shop.org"}
    (refused,) = (one for one in receipts.read_text().splitlines() if '"rejected"' in one)
    assert json.loads(refused)["keys"] == {"email": "eve@shop.org"}
    kept = file.read_text().splitlines()[1]
    assert kept.startswith(deep.strip().removesuffix("}") + ',"_rejected":{"row":2,')

    again = run_target(sandbox.url, file.read_text(), **letters(tmp_path / "again"))
    assert again.code == 0, again.log
    assert again.figures("profiles")["rejected"] == 1


def test_a_row_within_the_limit_is_written(sandbox: Sandbox) -> None:
    within = json.loads(nested(LEVELS - 2))
    rows = [{"email": "ann@shop.org", "deep": within}]
    done = load(sandbox, [schema("profiles", "email", deep=ANY), *records("profiles", rows)])
    assert done.error is None
    assert profiles(sandbox)["ann@shop.org"]["properties"] == {"deep": within}


def test_deep_json_in_a_text_column_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [{"email": "ann@shop.org", "deep": nested(levels)} for levels in (LEVELS + 1, 970)]
    streams = {"profiles": {"types": {"deep": "json"}}}
    messages = [schema("profiles", "email", "deep"), *records("profiles", rows)]
    done = load(sandbox, messages, streams=streams, **letters(tmp_path / "letters"))
    reason = DEEP.replace("is nested", "column 'deep' is nested")
    assert (done.error, done.counts("profiles")) == (None, {reason: 2})
    assert sent(sandbox, "bulk_import_profiles") == []


@pytest.mark.parametrize("kind", ["STATE", "SCHEMA"])
def test_a_deep_message_that_is_no_row_ends_the_run_with_its_line(
    sandbox: Sandbox, kind: str
) -> None:
    declared = schema("profiles", "email")
    deep = text([{**declared, "value": {}, "type": kind, "more": "HERE"}])
    done = run_target(sandbox.url, text([declared]) + deep.replace('"HERE"', nested(975)))
    assert done.code == 1
    assert done.errors == [f"line 2 of the input is nested more than {LEVELS} levels deep"]


documents = st.recursive(
    st.one_of(st.none(), st.integers(), st.text('[]{}"\\,:a')),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text('[]{}"\\'), inner)),
)


def pruned(document: Any, levels: int) -> Any:
    """What is left of a document."""
    if not isinstance(document, (list, dict)):
        return document
    if not levels:
        return None
    if isinstance(document, list):
        return [pruned(one, levels - 1) for one in document]
    return {name: pruned(one, levels - 1) for name, one in document.items()}


@given(documents, st.integers(0, 4))
def test_what_is_left_of_a_deep_document(document: Any, levels: int) -> None:
    assert json.loads(shallow(json.dumps(document), levels)) == pruned(document, levels)


def test_brackets_in_strings_and_beside_each_other_are_no_depth() -> None:
    assert not too_deep(json.dumps(["[" * 1_000, [[]] * 1_000]))
    assert too_deep(nested(LEVELS + 1))
    assert not too_deep(nested(LEVELS))
