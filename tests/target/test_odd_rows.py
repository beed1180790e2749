"""Whatever a row holds: it becomes an item, or an outcome of its own; never the end of a run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pendulum import Timezone

from target_klaviyo.items import ENCODER
from target_klaviyo.mapping import Source, StreamMapping
from target_klaviyo.outcomes import Row, RowError
from target_klaviyo.projection import projection
from target_klaviyo.schema_files import compiled, sink_schema
from target_klaviyo.specs import SINKS
from target_klaviyo.values import Locale
from tests.target.cases_of_people import PEOPLE
from tests.target.cases_of_shops import SHOPS
from tests.target.every_sink import Case
from tests.target.running import stream_rules

ODD = [
    *("", " ", "\x00", "nan", "inf", "-1", "1e999", "9" * 5_000, "99999999999999999999999"),
    *("true", "{}", "[]", "null", '{"a": NaN}', "[" * 2_000, "x@y", "x@[127.0.0.1]", "ß@ß.de"),
    *("2026-13-45", "0000-00-00", "0001-01-01", "2026-W01-1", "2026-02-30T10:00:00Z"),
    *("9999-12-31T23:59:59-12:00", "2026-01-01T00:00:00+99:99", "2026-01-01 10:00:00.123456789Z"),
    *("+1", "1" * 400, "/api/profiles/%2e%2e", "/api/lists/{id}", "PATCH", "rejected", "\u2028"),
    *("SUBSCRIBED", "unsubscribed", "sms", "push", "transactional", "$custom:::$default:::x"),
]
scalars = st.one_of(
    st.sampled_from(ODD),
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text("ab$.", max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
CASES = {(case.sink, case.mode): case for case in (*PEOPLE, *SHOPS)}


@pytest.mark.parametrize("case", CASES.values(), ids=[case.name for case in CASES.values()])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_odd_row_has_an_outcome(case: Case, data: Any) -> None:
    spec = next(one for one in SINKS if one.name == case.sink).in_mode(case.mode)
    names = [*spec.fields, *(f"{holder}.x" for holder in spec.operations)]
    mapping = StreamMapping("odd", spec, {name: Source(column=name) for name in names})
    read = projection(mapping, [*names, "more"], Locale(Timezone("Europe/Berlin"), "US"))
    fits = compiled(sink_schema(spec.name))
    odd = st.dictionaries(st.sampled_from([*names, "more"]), values, min_size=1, max_size=2)
    record = {**case.rows[0], **data.draw(odd)}
    outcome = None
    try:
        accepted = read.accepted(record)
        if fits(accepted) is None:
            item = spec.build(accepted, Row(1, ENCODER.encode({"record": record})), stream_rules())
            ENCODER.encode([item.body.decode(), item.identities])
    except RowError as refused:
        outcome = refused.outcome
    assert outcome is None or (outcome.kind in {"rejected", "skipped"} and outcome.reason)
