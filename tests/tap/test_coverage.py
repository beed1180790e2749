from __future__ import annotations

from tap_klaviyo.coverage import VIEWS, carriers, collections
from tap_klaviyo.specs import STREAMS


def test_every_collection_is_in_a_stream_or_repeats_one() -> None:
    carried = carriers()
    for known in collections():
        assert (known.id in carried) != (known.id in VIEWS), known.id


def test_what_is_repeated_is_a_stream() -> None:
    names = {spec.name for spec in STREAMS}
    assert set(VIEWS.values()) <= names
    assert set(VIEWS) <= {known.id for known in collections()}
