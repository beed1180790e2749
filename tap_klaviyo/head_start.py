"""The first pages, asked for while Python still loads the Singer SDK.

To load it takes about as long as to get an answer (0.2 to 0.3 s each, measured). What the tap will
ask for is worked out here from the command line, where that is plain; an answer is used only where
the tap then asks for exactly the same. Nothing here complains: what is wrong, the tap says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client_settings import KLAVIYO, ClientSettings
from klaviyo_client.early import EarlyAnswers
from klaviyo_client.operations import operation
from klaviyo_client.query import Query
from tap_klaviyo.bookmarks import Bookmark
from tap_klaviyo.options import StreamOptions
from tap_klaviyo.run_plan import RunTimes, run_plan
from tap_klaviyo.scans import Scan, has_bounds, scan_filter
from tap_klaviyo.schema_files import marked_schema
from tap_klaviyo.selection import selection_query
from tap_klaviyo.spec import StreamSpec
from tap_klaviyo.specs import STREAMS
from tap_klaviyo.times import parse_time

PREFIX = "TAP_KLAVIYO_"
CONFIG, CATALOG, STATE = OPTIONS = ("--config", "--catalog", "--state")
# Settings that change what is asked for first, or how: they are left to the tap.
NOT_PLAIN = (
    "oauth",
    "revision",
    "stream_options",
    "stages",
    "custom_streams",
    "profile_properties",
    "event_properties",
)
# Settings that do not, or in a way that is known here; where there are others, the tap may refuse.
PLAIN = (
    "api_key",
    "api_url",
    "user_agent",
    "start_date",
    "end_date",
    "max_parallel_requests",
    "max_buffer_mb",
    "max_wait_seconds",
    "max_tries",
    "progress",
    "on_missing_scope",
    "on_stream_error",
    "emit_activate_version_messages",
)
# Seconds after which the thread that waits for an answer has its turn while modules are loaded:
# else how long the answer took would seem longer by many of Python's 0.005.
QUICK_TURNS = 0.0005

Words = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line names, read: settings, catalog entries, and bookmarks by stream."""

    config: Words
    entries: Sequence[Words]
    bookmarks: Mapping[str, Words]
    times: RunTimes


@contextmanager
def taking_turns_quickly() -> Iterator[None]:
    """Have threads give way to each other soon."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(QUICK_TURNS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def head_start(arguments: Sequence[str], environ: Mapping[str, str]) -> EarlyAnswers | None:
    """The first pages of the streams that are read in windows, on their way; else None."""
    try:
        given = plainly_given(arguments, environ)
        return asked(given) if given else None
    except Exception:  # noqa: BLE001 - whatever it is, the tap meets it again and says it
        return None


def plainly_given(arguments: Sequence[str], environ: Mapping[str, str]) -> Given | None:
    """What the command line names; None where it is not plain."""
    files = named_files(arguments)
    if not files or not files[CATALOG] or not can_be_read_twice(files) or has_dotenv():
        return None
    config: dict[str, Any] = {}
    for name in files[CONFIG]:
        config |= {} if name == "ENV" else content(name)
    variables = {name: PREFIX + name.upper() for name in (*PLAIN, *NOT_PLAIN)}
    config |= {name: environ[one] for name, one in variables.items() if one in environ}
    if not {name for name, value in config.items() if value is not None} <= set(PLAIN):
        return None
    state = content(files[STATE][-1]) if files[STATE] else {}
    state = state["value"] if state.get("type") == "STATE" else state
    start, end = map(config.get, ("start_date", "end_date"))
    dates = [parse_time(text) if text else None for text in (start, end)]
    times = RunTimes(datetime.now(timezone.utc), *dates)
    return Given(config, content(files[CATALOG][-1])["streams"], state.get("bookmarks", {}), times)


def named_files(arguments: Sequence[str]) -> Mapping[str, list[str]] | None:
    """The files of each option; None where there is anything but those."""
    words = [part for word in arguments for part in parts(word)]
    pairs = list(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or any(option not in OPTIONS for option, _ in pairs):
        return None
    return {option: [file for one, file in pairs if one == option] for option in OPTIONS}


def can_be_read_twice(files: Mapping[str, list[str]]) -> bool:
    """Whether all are files: what comes through a pipe is left to the tap."""
    names = [name for option in OPTIONS for name in files[option]]
    return all(name == "ENV" or Path(name).is_file() for name in names)


def has_dotenv() -> bool:
    """Whether the SDK may find a file of settings, which count more than all others."""
    sdk, here = find_spec("singer_sdk"), Path.cwd()
    above = Path(sdk.origin).parents if sdk and sdk.origin else ()
    return any((folder / ".env").exists() for folder in (here, *here.parents, *above))


def parts(word: str) -> list[str]:
    """An option and its value, where one word has both."""
    return word.split("=", 1) if word.startswith("--") else [word]


def content(name: str) -> Any:
    """What a file of JSON holds."""
    return msgspec.json.decode(Path(name).read_bytes())


def asked(given: Given) -> EarlyAnswers:
    """The first pages, asked for."""
    config = given.config
    agent = config.get("user_agent") or f"tap-klaviyo/{version('klaviyo-connector')}"
    settings = ClientSettings(base_url=config.get("api_url", KLAVIYO), user_agent=agent)
    early = EarlyAnswers(settings, PrivateKey(config["api_key"].strip()))
    for spec, query in list(first_pages(given)):  # none, where one is odd
        early.ask(spec.operation, query, spec.path)
    return early


def first_pages(given: Given) -> Iterator[tuple[StreamSpec, Query]]:
    """What is asked first of each selected stream that is read in windows."""
    specs = {spec.name: spec for spec in STREAMS if in_windows(spec)}
    for entry in given.entries:
        spec = specs.get(entry["tap_stream_id"])
        rows = entry.get("metadata") or ()
        metadata = {tuple(one["breadcrumb"]): one["metadata"] for one in rows}
        if spec and metadata.get((), {}).get("selected"):
            query = first_query(spec, chosen_columns(spec, metadata), given)
            if query:
                yield spec, query


def in_windows(spec: StreamSpec) -> bool:
    """Whether a stream is read in windows: until its first page has come, nothing else is."""
    return spec.resumable and has_bounds(operation(spec.operation), spec.time_field)


def first_query(spec: StreamSpec, columns: Iterable[str], given: Given) -> Query | None:
    """The query of a stream's first page; None where it depends on when the tap begins."""
    state = dict(given.bookmarks.get(spec.name, {}))
    bookmark = Bookmark(state, spec.replication_key or "", given.times.started, resumable=True)
    if bookmark.was_future:
        return None
    plan = run_plan(spec, StreamOptions(), given.times, bookmark.start, state)
    scan = Scan(plan.bounds, spec.partitions[0], spec.path)
    text = scan_filter(operation(spec.operation), spec.time_field, scan)
    return replace(selection_query(spec, marked_schema(spec), tuple(columns)), filter=text)


def chosen_columns(spec: StreamSpec, metadata: Mapping[tuple[str, ...], Words]) -> Iterator[str]:
    """The columns that a catalog selects, as the SDK and `catalog_marks` understand it."""
    for name in marked_schema(spec)["properties"]:
        said = metadata.get(("properties", name), {})
        words = [said.get(word) for word in ("selected", "selected-by-default")]
        wanted = next((word for word in words if word is not None), name not in spec.unselected)
        inclusion = said.get("inclusion")
        always = inclusion == "automatic" or name in (*spec.primary_keys, spec.replication_key)
        if always or (wanted and inclusion != "unsupported"):
            yield name
