"""What discovery says of a stream beyond the SDK: the scopes it needs, and its valid methods."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from singer_sdk.singerlib import Metadata, StreamMetadata

from tap_klaviyo.scopes import needed_scopes

if TYPE_CHECKING:
    from singer_sdk.singerlib import MetadataMapping

    from tap_klaviyo.spec import StreamSpec


@dataclass
class KlaviyoMetadata(StreamMetadata):
    """Metadata of a stream; written into catalogs, and not read back."""

    required_scopes: list[str] | None = None
    valid_replication_methods: list[str] | None = None


def mark(
    mapping: MetadataMapping, spec: StreamSpec, asked: Collection[str] = ()
) -> MetadataMapping:
    """The mapping with our marks; columns that cost extra are not selected unless asked for.

    That is by the catalog, or by the setting that `asked` comes from.

    Keys always are, even where a catalog from elsewhere says otherwise: bookmarks and the bounds
    of a read depend on them.
    """
    root = mapping[()]
    if isinstance(root, StreamMetadata) and not isinstance(root, KlaviyoMetadata):
        known = {one.name: getattr(root, one.name) for one in fields(StreamMetadata)}
        methods = ["INCREMENTAL", "FULL_TABLE"] if spec.replication_key else ["FULL_TABLE"]
        mapping[()] = KlaviyoMetadata(
            **known,
            required_scopes=list(needed_scopes(spec)),
            valid_replication_methods=methods,
        )
    for name in filter(None, (*spec.primary_keys, spec.replication_key)):
        mapping["properties", name].inclusion = Metadata.InclusionType.AUTOMATIC
    for name in spec.unselected:
        entry = mapping["properties", name]
        if name in asked:
            entry.selected_by_default = True
        elif entry.selected is None and entry.selected_by_default is None:
            entry.selected_by_default = False
    return mapping
