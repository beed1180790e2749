"""The thin path and the whole one say the same, whatever Klaviyo sends and whoever selects."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klaviyo_client.errors import UnexpectedContentError
from klaviyo_client.wire import Answer, Page
from tap_klaviyo.endings import ends_only_itself
from tap_klaviyo.page_lines import PageLines, Sieve
from tap_klaviyo.page_structures import MOST_UNKNOWN
from tap_klaviyo.reading import look_now
from tap_klaviyo.records import RecordShape, record_shape
from tap_klaviyo.room import Room
from tap_klaviyo.scans import Scan
from tap_klaviyo.schema_files import marked_schema
from tap_klaviyo.specs import STREAMS
from tap_klaviyo.thin import ThinPage, ThinPath

SPECS = {spec.name: spec for spec in STREAMS}
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "2026-07-30 12:00:00+00:00",
            "2026-07-30T12:00:00+00:00",
            "2026-07-30T12:00:00Z",
            "2026-07-30T14:00:00.5+02:00",
            "2026-07-30T14:00:00+02:00",
            "2026-07-30",
            " 2026-07-30 ",
            "2026",
            "12:00",
            "2026-07-30T12:00:00.123456+00:00",
            "soon",
            "$flow",
            '"quoted"',
            "\u2028",
            "\ud83d",
        ]
    ),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                TEXTS,
                st.sampled_from(["$flow", "$message", "consent_timestamp", "email", "marketing"]),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
FLOWS = st.fixed_dictionaries(
    {},
    optional={
        "$flow": st.one_of(TEXTS, st.integers()),
        "$message": TEXTS,
        "$attribution": st.one_of(
            TEXTS, st.fixed_dictionaries({"$flow": TEXTS, "$message": TEXTS})
        ),
        "when": TEXTS,
    },
)


def identifier(kind: str) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({"type": st.just(kind), "id": st.sampled_from(["1", "2", "é"])})


@st.composite
def resources(draw: st.DrawFn, name: str) -> dict[str, Any]:
    schema = marked_schema(SPECS[name])["properties"]
    names = [column for column in schema if column not in ("id", "extra_attributes")]
    attributes = draw(
        st.dictionaries(
            st.sampled_from([*names, "anonymous_id", "whatsapp"]),
            st.one_of(JSON, TEXTS, FLOWS),
            max_size=6,
        )
    )
    relations = {
        part["x-klaviyo-relationship"]: column
        for column, part in schema.items()
        if "x-klaviyo-relationship" in part
    }
    relationships = {}
    for relation, column in relations.items():
        one = identifier(relation.removesuffix("s"))
        data = st.lists(one, max_size=2) if column.endswith("_ids") else st.one_of(st.none(), one)
        if draw(st.booleans()):
            relationships[relation] = {"data": draw(data), "links": {"self": "x"}}
        elif draw(st.booleans()):
            relationships[relation] = {"links": {"self": "x"}}
    for relation in draw(st.sets(st.sampled_from(["sites", "whatsapp"]))):
        found = draw(st.one_of(st.none(), identifier("x"), st.lists(identifier("x"), max_size=2)))
        relationships[relation] = draw(st.sampled_from([{"data": found}, {"links": {}}]))
    resource = {
        "type": "x",
        "id": draw(st.sampled_from(["1", "2"])),
        "attributes": attributes,
        "relationships": relationships,
    }
    for part in draw(st.sets(st.sampled_from(["attributes", "relationships"]), max_size=1)):
        if draw(st.integers(0, 9)) == 0:
            del resource[part]
    return resource


@st.composite
def pages(draw: st.DrawFn, name: str) -> dict[str, Any]:
    included = [
        {"type": "metric", "id": "1", "attributes": {"name": draw(TEXTS)}},
        {
            "type": "attribution",
            "id": "1",
            "relationships": {
                "flow": {"data": draw(st.one_of(st.none(), identifier("flow")))},
                "campaign": {"links": {}},
            },
        },
    ]
    return {"data": draw(st.lists(resources(name), max_size=3)), "included": included}


def shapes(name: str, deselected: set[str]) -> RecordShape:
    marked = marked_schema(SPECS[name])
    columns = tuple(one for one in marked["properties"] if one not in deselected)
    return record_shape(marked, columns, SPECS[name].complete)


SCAN = Scan(columns={"list_id": "L1"})


def records_in(block: bytes) -> list[Any]:
    """What a reader of written lines gets."""
    return [json.loads(line)["record"] for line in block.splitlines()]


def written(records: list[Any]) -> list[dict[str, Any]]:
    """What a reader of the written lines gets."""
    return [json.loads(msgspec.json.encode(one)) for one in records]


@pytest.mark.parametrize("name", ["events", "profiles", "campaigns", "list_profiles"])
@settings(max_examples=75, deadline=None)
@given(data=st.data())
def test_both_paths_say_the_same(name: str, data: st.DataObject) -> None:
    page = data.draw(pages(name))
    free = [
        one
        for one in marked_schema(SPECS[name])["properties"]
        if one not in ("id", SPECS[name].replication_key)
    ]
    deselected = set(data.draw(st.lists(st.sampled_from(free), max_size=3)))
    shape = shapes(name, deselected)
    thin = ThinPath(shape)
    scan = SCAN if name == "list_profiles" else Scan()
    answer = Answer(200, {}, json.dumps({**page, "links": {"next": None}}).encode())
    paths = PageLines(SPECS[name], shape, thin)
    decoded = thin.page(answer, "get_events")
    lines = paths.lined(scan, decoded).written
    whole = [
        {k: v for k, v in one.items() if k not in deselected}
        for one in paths.whole_records(scan, decoded, Sieve())
    ]
    assert records_in(lines.block) == written(whole)
    if lines.keys:
        assert lines.keys == [one.get(SPECS[name].replication_key or "") for one in whole]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a":\n[1,\r\n2]}', {"a": [1, 2]}),
        (b'{"a":"\xff!"}', {"a": "\ufffd!"}),
        (b'{"a":"' + "\u00e9\U0001f600".encode() * 20_000 + b'"}', None),
        (b'{"a":"' + b"x" * 70_000 + b'\xe2\x82"}', None),
    ],
    ids=["lines", "no UTF-8", "long", "cut off"],
)
def test_what_is_written_is_one_line_of_utf8(text: bytes, value: Any) -> None:
    shape = shapes("profiles", set())
    thin = ThinPath(shape)
    body = b'{"data":[{"id":"1","attributes":{"properties":' + text + b'}}],"links":{"next":null}}'
    page = thin.page(Answer(200, {}, body), "get_profiles")
    block = PageLines(SPECS["profiles"], shape, thin).lined(Scan(), page).written.block
    assert block.count(b"\n") == 1
    (record,) = records_in(block)
    assert record["properties"] == value or value is None


@pytest.mark.parametrize("name", ["properties", "novel"])
def test_text_that_is_no_utf8_is_found_wherever_it_stands(name: str) -> None:
    """In an attribute that another row lacks, too, and in one that nobody describes."""
    shape = shapes("profiles", set())
    thin = ThinPath(shape)
    odd = b'{"id":"1","attributes":{"' + name.encode() + b'":{"a":"\xff!"}}}'
    body = b'{"data":[{"id":"0","attributes":{}},' + odd + b'],"links":{"next":null}}'
    page = thin.page(Answer(200, {}, body), "get_profiles")
    block = PageLines(SPECS["profiles"], shape, thin).lined(Scan(), page).written.block
    plain, record = records_in(block)
    known = record["properties"] if name == "properties" else record["extra_attributes"][name]
    assert known == {"a": "\ufffd!"}
    assert plain["properties"] is None


@pytest.mark.parametrize(
    "page",
    [
        {"data": [], "included": [{"type": "metric", "id": "1", "attributes": []}]},
        {"data": [{"type": "event", "id": "1", "attributes": [1]}]},
        {"data": [{"type": "event", "attributes": {}}]},
    ],
    ids=["included", "attributes", "no id"],
)
def test_odd_content_is_an_error_of_one_stream(page: dict[str, Any]) -> None:
    shape = shapes("events", set())
    thin = ThinPath(shape)
    decoded = thin.page(Answer(200, {}, json.dumps(page).encode()), "get_events")
    paths = PageLines(SPECS["events"], shape, thin)
    with pytest.raises(UnexpectedContentError, match="a page of events holds") as caught:
        paths.lined(Scan(), decoded)
    assert ends_only_itself(caught.value)


def page_with(*resources: dict[str, Any]) -> Answer:
    data = [{"type": "profile", "id": "1", "attributes": one} for one in resources]
    return Answer(200, {}, json.dumps({"data": data, "links": {"next": None}}).encode())


def test_attributes_that_klaviyo_does_not_describe_are_learned() -> None:
    shape = shapes("profiles", set())
    thin = ThinPath(shape)
    answers = [
        page_with({"email": "a"}),
        page_with({"email": "b", "anonymous_id": "x"}, {"email": "c"}),
        page_with({"first_seen": {"at": [1, None]}, "anonymous_id": None}),
    ]
    # Pages that came before something was learned may be written after it.
    pages = [thin.page(one, "get_profiles") for one in answers]
    assert all(isinstance(one, ThinPage) for one in pages)
    lines = PageLines(SPECS["profiles"], shape, thin)
    found = [
        record["extra_attributes"]
        for page in pages
        for record in records_in(lines.lined(Scan(), page).written.block)
    ]
    assert found == [
        None,
        {"anonymous_id": "x"},
        None,
        {"anonymous_id": None, "first_seen": {"at": [1, None]}},
    ]


@pytest.mark.parametrize(
    ("relation", "extra"),
    [
        ({"links": {"self": "x"}}, None),
        ({"data": None}, {"sites": None}),
        ({"data": {"type": "site", "id": "s"}}, {"sites": "s"}),
        ({"data": [{"type": "site", "id": "s"}]}, {"sites": ["s"]}),
    ],
    ids=["links", "none", "one", "many"],
)
def test_relations_that_no_column_is_about_take_no_longer_path(
    relation: dict[str, Any], extra: dict[str, Any] | None
) -> None:
    """Klaviyo names all relations of a profile, whatever is asked for."""
    shape = shapes("profiles", set())
    thin = ThinPath(shape)
    body = {"data": [{"type": "profile", "id": "1", "relationships": {"sites": relation}}]}
    page = thin.page(Answer(200, {}, json.dumps(body).encode()), "get_profiles")
    assert isinstance(page, ThinPage)
    (record,) = records_in(
        PageLines(SPECS["profiles"], shape, thin).lined(Scan(), page).written.block
    )
    assert record["extra_attributes"] == extra


def test_empty_pages_take_room_too() -> None:
    """100,000 items without variants, read ahead of a loader that stands still."""
    name = "catalog_item_variants"
    shape = shapes(name, set())
    lines = PageLines(SPECS[name], shape, ThinPath(shape))
    pages = [
        lines.read(Scan(), look_now, page_with(), "get_variants_for_catalog_item")
        for _ in range(1_000)
    ]
    assert not Room(64_000_000).fits(0, 100 * sum(one.size for one in pages))


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a\x01b"])
def test_attributes_whose_names_no_structure_can_have_are_kept(name: str) -> None:
    shape = shapes("profiles", set())
    lines = PageLines(SPECS["profiles"], shape, ThinPath(shape))
    page = lines.decoded(page_with({"email": "a", name: 1}), "get_profiles")
    (record,) = records_in(lines.lined(Scan(), page).written.block)
    assert (record["email"], record["extra_attributes"]) == ("a", {name: 1})


def test_ever_new_attributes_are_not_learned_for_ever() -> None:
    thin = ThinPath(shapes("profiles", set()))
    pages = [thin.page(page_with({f"x{n}": n}), "get_profiles") for n in range(MOST_UNKNOWN + 1)]
    assert isinstance(pages[-2], ThinPage)
    assert isinstance(pages[-1], Page)
