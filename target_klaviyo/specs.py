"""The sinks, one row each: what they take, how it becomes a request, and what settles that."""

from __future__ import annotations

from target_klaviyo.sink_rows import SinkSpec, TapForm
from target_klaviyo.sinks_of_people import PEOPLE
from target_klaviyo.sinks_of_shops import SHOPS
from target_klaviyo.sinks_of_single_people import SINGLE_PEOPLE

__all__ = ["SINKS", "SinkSpec", "TapForm", "sink_names", "sink_spec"]

SINKS: tuple[SinkSpec, ...] = (*PEOPLE, *SINGLE_PEOPLE, *SHOPS)


def sink_spec(name: str) -> SinkSpec | None:
    """The sink called `name`, or None."""
    return next((spec for spec in SINKS if spec.name == name), None)


def sink_names() -> list[str]:
    """The names of all sinks."""
    return [spec.name for spec in SINKS]
