"""A call of Klaviyo's own client for each report."""

from __future__ import annotations

from typing import Any

from klaviyo_sandbox import Sandbox

STATISTICS = {"campaign": "opens", "flow": "opens", "form": "submits", "segment": "total_members"}
BOUNDS = [
    "greater-or-equal(datetime,2026-08-01T00:00:00)",
    "less-than(datetime,2026-09-01T00:00:00)",
]


def calls(sandbox: Sandbox) -> dict[str, list[Any]]:
    """Arguments by operation."""
    metric = sandbox.account.ids("metric")[0]
    found = {
        f"query_{subject}_{form}": [{"data": report(subject, form, metric)}]
        for subject in STATISTICS
        for form in ("values", "series")
    }
    query = {"metric_id": metric, "measurements": ["count"], "filter": BOUNDS}
    aggregates = {"data": {"type": "metric-aggregate", "attributes": query}}
    return {**found, "query_metric_aggregates": [aggregates]}


def report(subject: str, form: str, metric: str) -> dict[str, Any]:
    """A report on one statistic of the last days."""
    asked: dict[str, Any] = {
        "statistics": [STATISTICS[subject]],
        "timeframe": {"key": "last_30_days"},
    }
    if subject in {"campaign", "flow"}:
        asked["conversion_metric_id"] = metric
    if form == "series":
        asked["interval"] = "daily"
    return {"type": f"{subject}-{form}-report", "attributes": asked}
