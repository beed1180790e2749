import json
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from target_klaviyo import events, memberships, profiles
from target_klaviyo.chunks import Envelope, Limits, body, chunks, fits, rows_named

FLAT = Envelope(b'{"data":[', b"]}", "/data")
GROUPED = Envelope(b'{"data":[', b"]}", "/data", b'{"who":', b',"what":[', b"]}", "/what")


@dataclass(frozen=True)
class Part:
    number: int
    body: bytes
    group: bytes = b""


def parts(sizes: list[int], groups: list[int] | None = None) -> list[Part]:
    names = groups or [0] * len(sizes)
    return [
        Part(index, b'"' + b"x" * size + b'"', f'"{name}"'.encode())
        for index, (size, name) in enumerate(zip(sizes, names, strict=True))
    ]


rows = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), max_size=60)


@given(
    rows,
    st.integers(1, 9),
    st.integers(90, 300),
    st.sampled_from([FLAT, GROUPED]),
)
def test_chunks_keep_every_limit_and_lose_or_reorder_nothing(
    given_rows: list[tuple[int, int]], items: int, size: int, envelope: Envelope
) -> None:
    limits = Limits(items, size, item_bytes=50)
    all_parts = parts([one for one, _ in given_rows], [group for _, group in given_rows])
    fitting = [part for part in all_parts if fits(part, limits, envelope)]
    cut = list(chunks(fitting, limits, envelope))
    assert [part for chunk in cut for part in chunk] == fitting
    for chunk in cut:
        content = body(envelope, chunk)
        json.loads(content)
        assert 0 < len(chunk) <= items
        assert len(content) <= size
        assert all(len(part.body) <= 50 for part in chunk)


@given(rows, st.integers(1, 9), st.integers(90, 300), st.sampled_from([FLAT, GROUPED]))
def test_no_chunk_could_have_taken_the_next_item(
    given_rows: list[tuple[int, int]], items: int, size: int, envelope: Envelope
) -> None:
    limits = Limits(items, size, item_bytes=50)
    all_parts = parts([one for one, _ in given_rows], [group for _, group in given_rows])
    cut = list(chunks([p for p in all_parts if fits(p, limits, envelope)], limits, envelope))
    for chunk, following in pairwise(cut):
        longer = (*chunk, following[0])
        assert len(longer) > items or len(body(envelope, longer)) > size


def test_a_body_of_exactly_the_limit_is_one_request() -> None:
    three = parts([10, 10, 10])
    size = len(body(FLAT, three))
    assert len(list(chunks(three, Limits(10, size, 100), FLAT))) == 1
    assert len(list(chunks(three, Limits(10, size - 1, 100), FLAT))) == 2


def test_pointers_name_rows() -> None:
    three = parts([1, 1, 1])
    assert list(rows_named(FLAT, "/data/1/attributes/email", three)) == [1]
    assert list(rows_named(FLAT, "/data/2", three)) == [2]
    assert list(rows_named(FLAT, "/data/3", three)) == []
    assert list(rows_named(FLAT, "/data", three)) == []
    assert list(rows_named(FLAT, None, three)) == []


def test_pointers_name_a_group_or_one_of_its_rows() -> None:
    five = parts([1] * 5, [0, 0, 1, 1, 1])
    assert list(rows_named(GROUPED, "/data/1/who/email", five)) == [2, 3, 4]
    assert list(rows_named(GROUPED, "/data/1/what/2/time", five)) == [4]
    assert list(rows_named(GROUPED, "/data/0/what/2/time", five)) == []
    assert list(rows_named(GROUPED, "/data/2/what/0", five)) == []


def test_the_limits_of_klaviyo() -> None:
    assert profiles.BULK.limits == Limits(10_000, 5_000_000, 100_000)
    assert (events.BULK.limits.items, events.BULK.limits.body_bytes) == (1_000, 5_000_000)
    assert memberships.ADD.limits.items == 1_000
