"""Statistics of reports: made up from ids and days, so that every answer says the same.

What people do with a message grows for five days after it was sent, as attribution does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

Counts = dict[str, float]
ATTRIBUTION_SECONDS = 5 * 86_400
# Rates: what is divided by what. Fractions between 0 and 1, as Klaviyo gives them.
RATIOS: Mapping[str, tuple[str, str]] = {
    "average_order_value": ("conversion_value", "conversions"),
    "bounce_rate": ("bounced", "recipients"),
    "bounced_or_failed_rate": ("bounced_or_failed", "recipients"),
    "click_rate": ("clicks_unique", "delivered"),
    "click_to_open_rate": ("clicks_unique", "opens_unique"),
    "conversion_rate": ("conversion_uniques", "delivered"),
    "delivery_rate": ("delivered", "recipients"),
    "failed_rate": ("failed", "recipients"),
    "open_rate": ("opens_unique", "delivered"),
    "revenue_per_recipient": ("conversion_value", "recipients"),
    "spam_complaint_rate": ("spam_complaints", "delivered"),
    "submit_rate": ("submits", "viewed_form_uniques"),
    "text_message_roi": ("conversion_value", "text_message_spend"),
    "unsubscribe_rate": ("unsubscribe_uniques", "delivered"),
}
# Of a level, the last one counts; everything else adds up.
LEVELS = frozenset(("total_members",))


@dataclass(frozen=True, slots=True)
class Unit:
    """What happened to one thing at one time of the account's clock.

    Attributes:
        moment: When.
        groupings: Whatever it can be grouped and filtered by; lists are of tags.
        counts: The statistics that are no rates.
    """

    moment: datetime
    groupings: Mapping[str, str | list[str] | None]
    counts: Counts


def number(key: str, low: int, high: int) -> int:
    """A number from `low` to `high` that always belongs to `key`."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return low + int.from_bytes(digest, "big") % (high - low + 1)


def message_counts(key: str, metric: str, age: float, *, text: bool) -> Counts:
    """The counts of a message `age` seconds after it was sent."""
    growth = min(1.0, max(0.0, age / ATTRIBUTION_SECONDS))
    recipients = number(f"{key} recipients", 20, 500)
    bounced = recipients * number(f"{key} bounced", 0, 3) // 100
    failed = number(f"{key} failed", 0, 1)
    delivered = recipients - bounced - failed
    opens = int(delivered * number(f"{key} opens", 20, 60) / 100 * growth)
    clicks = opens // 5
    buyers = clicks // number(f"{key} {metric} buyers", 2, 4)
    return {
        "recipients": recipients,
        "bounced": bounced,
        "failed": failed,
        "bounced_or_failed": bounced + failed,
        "delivered": delivered,
        "opens": opens * 3 // 2,
        "opens_unique": opens,
        "clicks": clicks * 4 // 3,
        "clicks_unique": clicks,
        "conversions": buyers + buyers // 4,
        "conversion_uniques": buyers,
        "conversion_value": (buyers + buyers // 4) * number(f"{key} {metric} value", 10, 90) / 2,
        "spam_complaints": delivered // 400,
        "unsubscribes": delivered // 100,
        "unsubscribe_uniques": delivered // 100,
        "message_segment_count_sum": recipients * 2 if text else 0,
        "text_message_credit_usage_amount": recipients if text else 0,
        "text_message_spend": recipients / 100 if text else 0,
    }


def form_counts(key: str) -> Counts:
    """The counts of a version of a form on one day."""
    views = number(f"{key} views", 10, 300)
    submits = views * number(f"{key} submits", 1, 12) // 100
    return {
        "viewed_form": views,
        "viewed_form_uniques": views * 4 // 5,
        "viewed_form_step": views * 2,
        "viewed_form_step_uniques": views * 8 // 5,
        "closed_form": views - submits,
        "closed_form_uniques": views * 4 // 5 - submits,
        "qualified_form": views,
        "qualified_form_uniques": views * 4 // 5,
        "submits": submits,
        "submitted_form_step": submits,
        "submitted_form_step_uniques": submits,
    }


def segment_counts(key: str, day: int) -> Counts:
    """The counts of a segment on one day, `day` days after it was made."""
    added, removed = number(f"{key} added", 0, 9), number(f"{key} removed", 0, 4)
    total = 100 + 2 * day + number(f"{key} total", 0, 20)
    return {
        "members_added": added,
        "members_removed": removed,
        "net_members_changed": added - removed,
        "total_members": total,
    }


def added_up(units: Iterable[Unit]) -> Counts:
    """The counts of several units together; of levels, those of the last moment."""
    found: Counts = {}
    levels: dict[str, datetime] = {}
    for unit in units:
        for name, value in unit.counts.items():
            if name not in LEVELS or levels.get(name) == unit.moment:
                found[name] = found.get(name, 0) + value
            elif name not in levels or levels[name] < unit.moment:
                found[name], levels[name] = value, unit.moment
    return found


def statistics(counts: Counts, names: Iterable[str]) -> dict[str, float]:
    """The asked statistics: counts, and rates of counts."""
    return {
        name: ratio(counts, *RATIOS[name]) if name in RATIOS else counts.get(name, 0)
        for name in names
    }


def ratio(counts: Counts, part: str, whole: str) -> float:
    """One count divided by another; 0 where there is nothing to divide by."""
    return round(counts.get(part, 0) / counts[whole], 6) if counts.get(whole) else 0.0
