"""The kinds of reports, one row each: our choices, and what Klaviyo says of them in prose only.

Which statistics and groups there are stands in the endpoint facts. The longest timeframes are
those of the descriptions of `interval` and `timeframe` in Klaviyo's OpenAPI file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from klaviyo_client.operations import operation, request_body_schemas

HOURLY, DAILY, WEEKLY, MONTHLY = "hourly", "daily", "weekly", "monthly"
# A report of values has no intervals: each is asked for by itself.
ONE_EACH: Mapping[str, int] = {DAILY: 1, WEEKLY: 1, MONTHLY: 1}
SERIES: Mapping[str, int] = {HOURLY: 7, DAILY: 60, WEEKLY: 50, MONTHLY: 11}
# Within a year, with the days that are asked for on both sides.
AGGREGATED: Mapping[str, int] = {HOURLY: 90, DAILY: 360, WEEKLY: 50, MONTHLY: 11}
# Klaviyo does not say on which day its weeks begin: a week more on both sides makes them whole.
WEEKS_APART: Mapping[str, int] = {WEEKLY: 7}
# Nor in which time zone it takes the bounds of aggregates.
ZONES_APART: Mapping[str, int] = {HOURLY: 1, DAILY: 1, WEEKLY: 7, MONTHLY: 1}

SCALAR = frozenset(("equals", "contains-any"))
LISTED = frozenset(("contains-any", "contains-all"))
OTHERS = frozenset(("equals", "any"))
MESSAGE_STATISTICS = (
    "recipients",
    "delivered",
    "opens",
    "opens_unique",
    "clicks",
    "clicks_unique",
    "bounced",
    "unsubscribes",
    "spam_complaints",
    "conversions",
    "conversion_uniques",
    "conversion_value",
)
FORM_STATISTICS = ("viewed_form", "viewed_form_uniques", "closed_form", "submits", "submit_rate")
SEGMENT_STATISTICS = ("total_members", "members_added", "members_removed", "net_members_changed")


@dataclass(frozen=True, slots=True)
class ReportKind:
    """What reports of one kind have in common.

    Attributes:
        name: As in the setting `reports`.
        operation: The `operationId` that answers it.
        steps: By interval, for how many of them one request can ask.
        statistics: Those of a report that names none.
        groups: By what it is grouped where it does not say.
        needed: What a grouping has to hold.
        filters: The fields of its filter, with their operators; None where they are not known.
        asides: By interval, how many days are asked for on both sides and left out of the rows.
        first: Before this day Klaviyo has nothing.
        asks: What its declaration must name beside: `conversion_metric` or `metrics`.
    """

    name: str
    operation: str
    steps: Mapping[str, int]
    statistics: tuple[str, ...]
    groups: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    filters: Mapping[str, frozenset[str]] | None = field(default_factory=dict)
    asides: Mapping[str, int] = field(default_factory=dict)
    first: date | None = None
    asks: str | None = None

    @property
    def known_statistics(self) -> tuple[str, ...]:
        """Every statistic that Klaviyo has for it."""
        return enumeration(self.operation, "statistics") or enumeration(
            self.operation, "measurements"
        )

    @property
    def known_groups(self) -> tuple[str, ...]:
        """Everything that it can be grouped by."""
        return enumeration(self.operation, "group_by") or enumeration(self.operation, "by")


def enumeration(operation_id: str, attribute: str) -> tuple[str, ...]:
    """The values that a list in a request's attributes may hold; none where there is no such."""
    definitions = request_body_schemas()["$defs"]
    data = resolved(definitions[operation(operation_id).body]["properties"]["data"], definitions)
    attributes = resolved(data["properties"]["attributes"], definitions)["properties"]
    part = resolved(attributes.get(attribute, {}), definitions)
    for choice in (part, *part.get("anyOf", ())):
        items = resolved(resolved(choice, definitions).get("items", {}), definitions)
        if "enum" in items:
            return tuple(items["enum"])
    return ()


def resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema, or the one that it refers to."""
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = definitions[str(schema["$ref"]).rpartition("/")[2]]
    return found


def message_filters(*names: str) -> Mapping[str, frozenset[str]]:
    """The filter fields of reports on messages."""
    scalars = (*names, "send_channel", "text_message_format", "variation", "variation_name")
    return {**dict.fromkeys(scalars, SCALAR), "tag_id": LISTED, "tag_name": LISTED}


CAMPAIGN_GROUPS = ("campaign_id", "campaign_message_id", "send_channel")
CAMPAIGN_FILTERS = message_filters("campaign_id", "campaign_message_id", "campaign_message_name")
FLOW_GROUPS = ("flow_id", "flow_message_id", "send_channel")
FLOW_FILTERS = message_filters("flow_id", "flow_name", "flow_message_id", "flow_message_name")
FORM_FILTERS = dict.fromkeys(("form_id", "form_version_id"), OTHERS)
SEGMENT_FIRST = date(2023, 6, 1)

KINDS: Mapping[str, ReportKind] = {
    kind.name: kind
    for kind in (
        ReportKind(
            "campaign_values",
            "query_campaign_values",
            ONE_EACH,
            MESSAGE_STATISTICS,
            CAMPAIGN_GROUPS,
            CAMPAIGN_GROUPS[:2],
            CAMPAIGN_FILTERS,
            asks="conversion_metric",
        ),
        ReportKind(
            "flow_values",
            "query_flow_values",
            ONE_EACH,
            MESSAGE_STATISTICS,
            FLOW_GROUPS,
            FLOW_GROUPS[:2],
            FLOW_FILTERS,
            asks="conversion_metric",
        ),
        ReportKind(
            "flow_series",
            "query_flow_series",
            SERIES,
            MESSAGE_STATISTICS,
            FLOW_GROUPS,
            FLOW_GROUPS[:2],
            FLOW_FILTERS,
            WEEKS_APART,
            asks="conversion_metric",
        ),
        ReportKind(
            "form_values",
            "query_form_values",
            ONE_EACH,
            FORM_STATISTICS,
            ("form_id",),
            ("form_id",),
            FORM_FILTERS,
        ),
        ReportKind(
            "form_series",
            "query_form_series",
            SERIES,
            FORM_STATISTICS,
            ("form_id",),
            ("form_id",),
            FORM_FILTERS,
            WEEKS_APART,
        ),
        ReportKind(
            "segment_values",
            "query_segment_values",
            ONE_EACH,
            SEGMENT_STATISTICS,
            ("segment_id",),
            filters={"segment_id": OTHERS},
            first=SEGMENT_FIRST,
        ),
        ReportKind(
            "segment_series",
            "query_segment_series",
            SERIES,
            SEGMENT_STATISTICS,
            ("segment_id",),
            filters={"segment_id": OTHERS},
            asides=WEEKS_APART,
            first=SEGMENT_FIRST,
        ),
        ReportKind(
            "metric_aggregates",
            "query_metric_aggregates",
            AGGREGATED,
            ("count", "sum_value", "unique"),
            filters=None,
            asides=ZONES_APART,
            asks="metrics",
        ),
    )
}
