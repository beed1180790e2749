"""The setting `stages`: which streams are read, and which have to wait for others.

What is written somewhere else may need an order: a list before its members, an item before its
variants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from singer_sdk import Stream

from klaviyo_client.errors import ConfigurationError
from klaviyo_client.filters import nearest

Stages = Sequence[Sequence[str]]


def check_stages(stages: Stages | None, known: Sequence[str]) -> None:
    """Refuse streams that are none, and streams that are named twice.

    Raises:
        ConfigurationError: with a line for each of them.
    """
    named = [name for stage in stages or () for name in stage]
    errors = [
        f"stages names the unknown stream {name!r}{nearest(name, known)}"
        for name in named
        if name not in known
    ]
    errors += [f"stages names {name!r} twice" for name in set(named) if named.count(name) > 1]
    if errors:
        raise ConfigurationError("\n".join(errors))


def staged(stages: Stages | None, streams: Mapping[str, Stream]) -> list[list[Stream]]:
    """The selected streams by stage; all of them in one where no stages are given."""
    chosen = stages or [list(streams)]
    return [[streams[name] for name in stage if streams[name].selected] for stage in chosen]


def named_only(stages: Stages | None, streams: Mapping[str, Stream]) -> list[str]:
    """Streams that a stage names and that are not selected: reports are not, by themselves."""
    return [name for stage in stages or () for name in stage if not streams[name].selected]
