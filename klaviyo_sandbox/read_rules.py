"""What Klaviyo refuses of a query beyond the grammar and the fields."""

from __future__ import annotations

from klaviyo_sandbox.clock import MICROSECONDS
from klaviyo_sandbox.contract import Operation
from klaviyo_sandbox.filters import COMPARABLE, Condition
from klaviyo_sandbox.kind import Kind
from klaviyo_sandbox.kinds import LIST_SUPPRESSIONS, SUPPRESSION
from klaviyo_sandbox.messages import invalid_parameter
from klaviyo_sandbox.query import Query


def check_rules(kind: Kind, facts: Operation, query: Query, now: float) -> None:
    """Refuse (400) what Klaviyo refuses for this kind."""
    rule = RULES.get(kind.type)
    if kind.type == "campaign" and "messages.channel" not in facts.filters:
        return
    if rule is not None and query.conditions:
        rule(query, now)


def campaign_rule(query: Query, _now: float) -> None:
    """Campaigns are listed by channel."""
    if not any(row.field == "messages.channel" for row in query.conditions):
        raise invalid_parameter("A channel filter is required to list campaigns.", "filter")


def flow_rule(query: Query, now: float) -> None:
    """No bound in the future, and sorted on the field that is bounded."""
    bounds = [row for row in query.conditions if row.field in ("created", "updated")]
    for bound in bounds:
        if any(float(value or 0) > now * MICROSECONDS for value in bound.values):
            raise invalid_parameter(f"'{bound.field}' may not lie in the future.", "filter")
        if query.sort is not None and query.sort.removeprefix("-") != bound.field:
            raise invalid_parameter(f"'{bound.field}' is filtered: sort by it.", "sort")


def profile_rule(query: Query, _now: float) -> None:
    """One date bound on suppressions, and no mixing of lists' and global ones."""
    scopes = {scope(row) for row in query.conditions} - {""}
    dates = [row for row in query.conditions if scope(row) and row.operator in COMPARABLE]
    if len(scopes) > 1 or len(dates) > 1:
        raise invalid_parameter("These suppression filters cannot be combined.", "filter")


def scope(condition: Condition) -> str:
    """The kind of suppression that a condition is about, or ''."""
    for prefix in (LIST_SUPPRESSIONS, SUPPRESSION):
        if condition.field.startswith(f"{prefix}."):
            return prefix
    return ""


RULES = {"campaign": campaign_rule, "flow": flow_rule, "profile": profile_rule}
