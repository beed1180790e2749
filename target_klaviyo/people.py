"""Who rows are about: identifiers resolved in bulk."""

from __future__ import annotations

from collections.abc import Sequence

from target_klaviyo.plans import Accepted, Directory

IDENTIFIERS = ("email", "phone_number", "external_id")


def people_found(rows: Sequence[Accepted], directory: Directory) -> list[tuple[str, ...]]:
    """The ids of the profiles that have a row's identifiers: none, one, or several.

    In the order of `IDENTIFIERS`; each distinct value is asked for once.
    """
    known = {
        kind: directory.profile_ids(kind, wanted)
        for kind in IDENTIFIERS
        if (wanted := {row[kind] for row in rows if row.get(kind)})
    }
    found = [[known[kind].get(row[kind]) for kind in IDENTIFIERS if row.get(kind)] for row in rows]
    return [tuple(dict.fromkeys(one for one in ids if one)) for ids in found]
