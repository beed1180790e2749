"""The scopes that a stream needs."""

from __future__ import annotations

from klaviyo_client.operations import operation
from tap_klaviyo.spec import StreamSpec


def needed_scopes(spec: StreamSpec) -> tuple[str, ...]:
    """The scopes of everything that reading the stream calls, those of its parents included."""
    return tuple(sorted({scope for call in spec.operations for scope in operation(call).scopes}))
