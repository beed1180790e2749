"""What discovery says of a stream beyond the SDK: the scopes it needs, and its valid methods."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from singer_sdk.singerlib import Metadata, Schema, StreamMetadata

from tap_klaviyo.schema_files import marked_schema, singer_schema
from tap_klaviyo.scopes import needed_scopes

if TYPE_CHECKING:
    from singer_sdk.singerlib import Catalog, MetadataMapping

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


def complete(catalog: Catalog | None, specs: Iterable[StreamSpec]) -> None:
    """Give a catalog the keys that it leaves out, and the columns that are newer than it.

    What a catalog does not know counts as selected, so that records hold it; the SDK takes the
    schema that goes before them from the catalog alone. Columns that the tap makes are of the
    type that it gives them now: settings may have declared another since.
    """
    for spec in specs if catalog else ():
        entry = catalog.get_stream(spec.name) if catalog else None
        if entry:
            own = Schema.from_dict(singer_schema(marked_schema(spec))).properties or {}
            made = {name: own[name] for name in spec.derived}
            entry.schema.properties = {**own, **(entry.schema.properties or {}), **made}
            entry.key_properties = entry.key_properties or list(spec.primary_keys)
