"""Choosing events by their metric: by id, by name, or by the integration that sends them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from klaviyo_client.errors import ConfigurationError
from klaviyo_client.filters import nearest

if TYPE_CHECKING:
    from klaviyo_client.client import KlaviyoClient

Metric = Mapping[str, Any]
KEYS = ("id", "name", "integration")
# As many as a message can name and still be read.
MOST_NAMES = 20
SETTING = "stream_options.events.metrics"


@dataclass(frozen=True, slots=True)
class MetricPattern:
    """A metric must match every part that is set; `integration` is its name in Klaviyo."""

    id: str | None = None
    name: str | None = None
    integration: str | None = None

    def matches(self, metric: Metric) -> bool:
        """Whether a metric resource fits."""
        attributes = metric["attributes"]
        integration = (attributes.get("integration") or {}).get("name")
        return (
            self.id in (None, metric["id"])
            and self.name in (None, attributes["name"])
            and self.integration in (None, integration)
        )

    def __str__(self) -> str:
        """As the user wrote it."""
        return ", ".join(f"{key} {getattr(self, key)!r}" for key in KEYS if getattr(self, key))


@dataclass(frozen=True, slots=True)
class MetricChoice:
    """Which metrics' events to read: those included (all where empty) but not excluded."""

    include: tuple[MetricPattern, ...] = ()
    exclude: tuple[MetricPattern, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.include and not self.exclude


def metric_choice(given: Mapping[str, Any]) -> MetricChoice:
    """The choice from the option `metrics`: `{"include": [...], "exclude": [...]}`.

    An entry is an object with `id`, `name`, `integration`, or a text that is an id or a name.

    Raises:
        ConfigurationError: it is of another form.
    """
    for key in given:
        if key not in ("include", "exclude"):
            raise ConfigurationError(f"unknown key {key!r}; keys: include, exclude")
    return MetricChoice(patterns(given.get("include", [])), patterns(given.get("exclude", [])))


def patterns(entries: Any) -> tuple[MetricPattern, ...]:
    """Patterns from a list of entries; a plain text counts as a name until it proves an id."""
    if not isinstance(entries, list):
        raise ConfigurationError("include and exclude must be lists")
    return tuple(pattern(entry) for entry in entries)


def pattern(entry: Any) -> MetricPattern:
    """One pattern."""
    if isinstance(entry, str):
        return MetricPattern(name=entry)
    words = entry.values() if isinstance(entry, dict) else ()
    named = bool(words) and all(isinstance(word, str) and word for word in words)
    if not named or not set(entry) <= set(KEYS):
        raise ConfigurationError(
            "a metric is a text (id or name) or has id, name, integration, each a text",
        )
    return MetricPattern(**entry)


def account_metrics(client: KlaviyoClient) -> list[Metric]:
    """The account's metrics.

    Raises:
        KlaviyoError: they could not be read.
    """
    return [one for page in client.pages("get_metrics") for one in msgspec.json.decode(page.data)]


def included_metrics(choice: MetricChoice, metrics: Sequence[Metric]) -> list[str] | None:
    """Ids of the metrics to ask for, in the account's order; None to ask for all at once.

    Raises:
        ConfigurationError: a metric does not exist in the account, or none is left.
    """
    if not choice.include:
        return None
    wanted = matching(choice.include, metrics) - matching(choice.exclude, metrics)
    if not wanted:
        raise ConfigurationError("stream_options.events.metrics: no metric is left to read")
    return [metric["id"] for metric in metrics if metric["id"] in wanted]


def excluded_metrics(
    choice: MetricChoice, metrics: Sequence[Metric], columns: Sequence[str]
) -> frozenset[str]:
    """Ids of the metrics whose events to leave out.

    Raises:
        ConfigurationError: a metric does not exist in the account, or the selected `columns` do
            not tell of it.
    """
    if choice.exclude and "metric_id" not in columns:
        raise ConfigurationError(
            "stream_options.events.metrics: exclude needs the column metric_id to be selected",
        )
    return frozenset(matching(choice.exclude, metrics))


def listed(names: Sequence[str]) -> str:
    """The names for a message, the first of them where they are many."""
    more = ", ..." if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES]) or 'none'}{more}"


def matching(
    wanted: Iterable[MetricPattern], metrics: Sequence[Metric], setting: str = SETTING
) -> set[str]:
    """Ids of the metrics that any of the patterns takes, which come from `setting`."""
    found: set[str] = set()
    for one in wanted:
        ids = {m["id"] for m in metrics if one.matches(m)}
        ids |= {m["id"] for m in metrics if one == MetricPattern(name=m["id"])}
        if not ids:
            names = sorted({str(m["attributes"]["name"]) for m in metrics})
            known = nearest(one.name or "", names) or f"; it has: {listed(names)}"
            raise ConfigurationError(f"{setting}: the account has no metric with {one}{known}")
        found |= ids
    return found
