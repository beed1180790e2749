import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from target_klaviyo.items import Item
from target_klaviyo.outcomes import Row
from target_klaviyo.profiles import BULK, SINGLE, build_profile, plan_profiles, together
from target_klaviyo.waves import merged as in_waves
from tests.target.running import stream_rules


def item(number: int = 1, *, clear: bool = False, immediate: bool = False, **row: Any) -> Item:
    rules = stream_rules(clear_nulls=clear, immediate=immediate)
    return build_profile(row, Row(number, json.dumps({"record": row})), rules)


def merged(items: list[Item]) -> list[list[Item]]:
    return in_waves(items, together)


def attributes(one: Item) -> Any:
    return json.loads(one.body)["attributes"]


def test_nulls_are_left_out() -> None:
    made = item(
        email="a@shop.org", title=None, location={"city": None}, properties={"a": None, "b": 1}
    )
    assert attributes(made) == {"email": "a@shop.org", "properties": {"b": 1}}
    assert not made.single


def test_nulls_that_clear_travel_alone() -> None:
    made = item(clear=True, email="a@shop.org", properties={"a": None})
    assert attributes(made) == {"email": "a@shop.org", "properties": {"a": None}}
    assert made.single
    assert not item(clear=True, email="a@shop.org").single


def test_an_id_of_another_account_is_the_last_resort() -> None:
    assert "id" not in json.loads(item(email="a@shop.org", source_id="01X").body)
    assert json.loads(item(source_id="01X").body)["id"] == "01X"
    assert json.loads(item(email="a@shop.org", id="01Y").body)["id"] == "01Y"


def test_rows_of_one_person_become_one() -> None:
    wave = merged(
        [
            item(1, email="A@shop.org", title="Dr", properties={"a": 1, "b": 1}),
            item(2, email="b@shop.org"),
            item(3, email="a@shop.org", first_name="Ada", properties={"b": 2}),
        ]
    )
    assert len(wave) == 1
    first, second = wave[0]
    assert [row.number for row in first.rows] == [1, 3]
    assert attributes(first) == {
        "email": "a@shop.org",
        "title": "Dr",
        "first_name": "Ada",
        "properties": {"a": 1, "b": 2},
    }
    assert [row.number for row in second.rows] == [2]


def test_rows_that_disagree_on_an_identifier_go_one_after_the_other() -> None:
    waves = merged(
        [
            item(1, external_id="1", email="a@shop.org"),
            item(2, external_id="1", email="b@shop.org"),
            item(3, email="a@shop.org"),
        ]
    )
    assert [[row.number for row in wave[0].rows] for wave in waves] == [[1], [2], [3]]


def test_rows_too_large_together_stay_apart() -> None:
    large = "x" * 60_000
    waves = merged(
        [item(1, email="a@shop.org", title=large), item(2, email="a@shop.org", image=large)]
    )
    assert [len(wave) for wave in waves] == [1, 1]


def test_a_row_of_over_100_kb_is_refused() -> None:
    plan = plan_profiles([item(email="a@shop.org", title="x" * 100_000)], None)  # type: ignore[arg-type]
    assert not any(plan.waves)
    assert plan.settled[0].outcome.reason == "is larger than 100 KB, Klaviyo's limit"


def test_bulk_and_single_requests() -> None:
    rows = [item(1, email="a@shop.org"), item(2, clear=True, email="b@shop.org", title=None)]
    (wave,) = plan_profiles(rows, None).waves  # type: ignore[arg-type]
    assert [shipment.transport for shipment in wave] == [BULK, SINGLE]


people = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "email": st.sampled_from(["a@x.org", "b@x.org", "c@x.org"]),
            "external_id": st.sampled_from(["1", "2"]),
            "phone_number": st.sampled_from(["+1", "+2"]),
        },
    ).filter(bool),
    max_size=25,
)


@given(people)
def test_no_row_is_lost_and_none_overtakes_another_of_its_person(
    rows: list[dict[str, Any]],
) -> None:
    waves = merged([item(number, **row) for number, row in enumerate(rows)])
    placed: dict[int, tuple[int, int]] = {}
    for depth, wave in enumerate(waves):
        for place, one in enumerate(wave):
            for row in one.rows:
                placed[row.number] = (depth, place)
    assert sorted(placed) == list(range(len(rows)))
    for wave in waves:
        named = [name for one in wave for name in one.identities]
        assert len(named) == len(set(named))
    for earlier, first in enumerate(rows):
        for later in range(earlier + 1, len(rows)):
            shared = set(first.items()) & set(rows[later].items())
            if shared:
                assert placed[earlier] <= placed[later]
                assert placed[earlier][0] < placed[later][0] or placed[earlier] == placed[later]
