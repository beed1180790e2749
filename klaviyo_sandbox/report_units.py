"""What reports count: messages of campaigns when they were sent, everything else by day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from klaviyo_sandbox.clock import MICROSECONDS, microseconds
from klaviyo_sandbox.report_questions import Question
from klaviyo_sandbox.report_statistics import Unit, form_counts, message_counts, segment_counts
from klaviyo_sandbox.store import Store

HOUR_OF_DAY = 10
SEND_CHANNELS = {"mobile_push": "push-notification"}
CAMPAIGNS = (
    "SELECT m.id, c.id, c.channel, c.attributes FROM campaign_messages m "
    "JOIN campaigns c ON c.id = m.campaign_id WHERE c.status = 'Sent' ORDER BY c.id, m.id"
)
FLOW_MESSAGES = (
    "SELECT m.id, f.id, m.name, f.name, m.attributes FROM flow_messages m "
    "JOIN flow_actions a ON a.id = m.flow_action_id JOIN flows f ON f.id = a.flow_id "
    "WHERE f.status != 'draft' ORDER BY f.id, m.id"
)
FORM_VERSIONS = "SELECT id, form_id, attributes FROM form_versions ORDER BY form_id, id"
SEGMENTS = "SELECT id, attributes FROM segments ORDER BY id"
TAGS = (
    "SELECT source_id, t.id, t.name FROM links JOIN tags t ON t.id = target_id "
    "WHERE source_type = ? AND links.name = 'tags' ORDER BY t.id"
)


@dataclass(frozen=True, slots=True)
class Look:
    """One look into the account, at `now` seconds since 1970."""

    store: Store
    asked: Question
    now: float
    zone: ZoneInfo

    def clock(self, seconds: float) -> datetime:
        """What the account's clock shows at a moment."""
        return clock_in(self.zone, seconds)

    def days(self, since: str) -> Iterator[datetime]:
        """The asked days on which something made at `since` was there already."""
        made = self.clock(microseconds(since) / MICROSECONDS)
        here = self.clock(self.now)
        day = self.asked.start.replace(hour=HOUR_OF_DAY, minute=0, second=0)
        while day < self.asked.end:
            if max(made, self.asked.start) <= day <= here:
                yield day
            day += timedelta(days=1)

    def age(self, moment: datetime) -> float:
        """Seconds since the account's clock showed `moment`."""
        return (self.clock(self.now) - moment).total_seconds()


def clock_in(zone: ZoneInfo, seconds: float) -> datetime:
    """What a clock in a time zone shows at a moment."""
    return datetime.fromtimestamp(seconds, timezone.utc).astimezone(zone).replace(tzinfo=None)


def account_zone(store: Store) -> ZoneInfo:
    """The account's time zone."""
    row = store.first("SELECT attributes FROM accounts")
    return ZoneInfo(attributes_of(row[0])["timezone"] if row else "UTC")


def attributes_of(text: bytes) -> dict[str, Any]:
    """A resource's attributes."""
    found: dict[str, Any] = msgspec.json.decode(text)
    return found


def tags_of(store: Store, kind: str) -> dict[str, dict[str, list[str]]]:
    """Ids and names of the tags of campaigns or flows, by their id."""
    found: dict[str, dict[str, list[str]]] = {}
    for source, tag, name in store.all(TAGS, (kind,)):
        one = found.setdefault(source, {"tag_id": [], "tag_name": []})
        one["tag_id"].append(tag)
        one["tag_name"].append(name)
    return found


def campaign_units(look: Look) -> Iterator[Unit]:
    """Every message of a campaign that was sent, at the moment when it was."""
    tags = tags_of(look.store, "campaign")
    for message, campaign, channel, text in look.store.all(CAMPAIGNS):
        attributes = attributes_of(text)
        moment = look.clock(microseconds(attributes["send_time"]) / MICROSECONDS)
        if look.age(moment) < 0:
            continue
        groupings = {
            "campaign_id": campaign,
            "campaign_message_id": message,
            "campaign_message_name": attributes["name"],
            "send_channel": SEND_CHANNELS.get(channel, channel),
            "text_message_format": "SMS" if channel == "sms" else None,
            **tags.get(campaign, {}),
        }
        age, is_text = look.age(moment), channel == "sms"
        counts = message_counts(message, look.asked.metric, age, text=is_text)
        yield Unit(moment, groupings, counts)


def flow_units(look: Look) -> Iterator[Unit]:
    """Every message of a flow, day by day."""
    tags = tags_of(look.store, "flow")
    for message, flow, message_name, flow_name, text in look.store.all(FLOW_MESSAGES):
        attributes = attributes_of(text)
        groupings = {
            "flow_id": flow,
            "flow_message_id": message,
            "flow_name": flow_name,
            "flow_message_name": message_name,
            "send_channel": attributes["channel"],
            **tags.get(flow, {}),
        }
        is_text = attributes["channel"] == "sms"
        for day in look.days(attributes["created"]):
            key, age = f"{message} {day:%Y-%m-%d}", look.age(day)
            counts = message_counts(key, look.asked.metric, age, text=is_text)
            yield Unit(day, groupings, counts)


def form_units(look: Look) -> Iterator[Unit]:
    """Every version of a form, day by day."""
    for version, form, text in look.store.all(FORM_VERSIONS):
        groupings = {"form_id": form, "form_version_id": version}
        for day in look.days(attributes_of(text)["created_at"]):
            yield Unit(day, groupings, form_counts(f"{version} {day:%Y-%m-%d}"))


def segment_units(look: Look) -> Iterator[Unit]:
    """Every segment, day by day."""
    for segment, text in look.store.all(SEGMENTS):
        created = attributes_of(text)["created"]
        made = look.clock(microseconds(created) / MICROSECONDS)
        for day in look.days(created):
            counts = segment_counts(f"{segment} {day:%Y-%m-%d}", (day - made).days)
            yield Unit(day, {"segment_id": segment}, counts)


UNITS: Mapping[str, Callable[[Look], Iterator[Unit]]] = {
    "campaign": campaign_units,
    "flow": flow_units,
    "form": form_units,
    "segment": segment_units,
}
