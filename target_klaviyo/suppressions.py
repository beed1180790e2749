"""The suppressions sink: e-mail addresses are suppressed by hand, or no longer.

Klaviyo's jobs say how many rows they skipped, never which or why; they are taken to skip what
they would not change. Lifting reaches only what was suppressed by hand: who unsubscribed, bounced
or complained stays suppressed.
"""

from __future__ import annotations

from collections.abc import Sequence

from target_klaviyo.chunks import Envelope, Limits
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import Row
from target_klaviyo.plans import (
    KILOBYTE,
    MEGABYTE,
    Accepted,
    Directory,
    JobRule,
    Plan,
    StreamRules,
    Transport,
)
from target_klaviyo.waves import each_once


def transport(action: str, operation: str, state: str) -> Transport:
    """How addresses travel: 100 in a request, says Klaviyo."""
    opening = '{"data":{"type":"profile-suppression-bulk-%s-job","attributes":{"profiles":{"data":['
    return Transport(
        operation,
        Limits(items=100, body_bytes=5 * MEGABYTE, item_bytes=KILOBYTE),
        Envelope((opening % action).encode(), b"]}}}}", "/data/attributes/profiles/data"),
        JobRule(state, None),
    )


SUPPRESS = transport("create", "bulk_suppress_profiles", "get_bulk_suppress_profiles_job")
UNSUPPRESS = transport("delete", "bulk_unsuppress_profiles", "get_bulk_unsuppress_profiles_job")


def build_suppression(accepted: Accepted, row: Row, rules: StreamRules) -> Item:  # noqa: ARG001
    """An address."""
    resource = {"type": "profile", "attributes": {"email": accepted["email"]}}
    identity = f"email:{accepted['email'].lower()}"
    return Item((row,), ENCODER.encode(resource), identities=(identity,))


def plan_suppressions(items: Sequence[Item], directory: Directory) -> Plan:  # noqa: ARG001
    """Suppress each address once."""
    return each_once(items, SUPPRESS)


def plan_liftings(items: Sequence[Item], directory: Directory) -> Plan:  # noqa: ARG001
    """Lift the suppression of each address once."""
    return each_once(items, UNSUPPRESS)
