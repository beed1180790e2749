"""The streams, one row each: our choices. Klaviyo's facts stand in `klaviyo_client.operations`.

The rows are in `specs_*`, by area.
"""

from __future__ import annotations

from tap_klaviyo.spec import Derived, Parent, StreamSpec
from tap_klaviyo.specs_account import ACCOUNT
from tap_klaviyo.specs_marketing import MARKETING
from tap_klaviyo.specs_people import PEOPLE
from tap_klaviyo.specs_shop import SHOP

__all__ = ["STREAMS", "Derived", "Parent", "StreamSpec"]

STREAMS: tuple[StreamSpec, ...] = tuple(
    sorted((*ACCOUNT, *MARKETING, *PEOPLE, *SHOP), key=lambda spec: spec.name)
)
