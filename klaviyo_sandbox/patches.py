"""`meta.patch_properties`: appending to, taking from and removing custom properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def patched(properties: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The properties after `append`, `unappend` and `unset`."""
    made = dict(properties)
    for name, value in (patch.get("append") or {}).items():
        made[name] = [*listed(made.get(name)), *listed(value)]
    for name, value in (patch.get("unappend") or {}).items():
        if name in made:
            made[name] = [one for one in listed(made[name]) if one not in listed(value)]
    for name in listed(patch.get("unset")):
        made.pop(name, None)
    return made


def listed(value: Any) -> list[Any]:
    """A value as a list: itself, alone, or nothing."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
