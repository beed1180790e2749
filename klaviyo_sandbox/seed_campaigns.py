"""Seeded campaigns of each channel, each with its message."""

from __future__ import annotations

from random import Random
from typing import Any

from klaviyo_sandbox.clock import iso_microseconds, iso_seconds
from klaviyo_sandbox.seed_form import Account, some_tags
from klaviyo_sandbox.seed_values import ulid
from klaviyo_sandbox.store import Resource

DAY = 86_400
CAMPAIGNS_PER_CHANNEL = {"email": 130, "sms": 12, "mobile_push": 5}
"""More e-mail campaigns than fit a page of 100."""

ARCHIVED = 4
STATUSES = ("Draft", "Scheduled", "Sent", "Sent", "Cancelled")


def campaigns(random: Random, end: float, account: Account) -> None:
    """Campaigns of each channel with a message each; one in ten is archived."""
    for channel, count in CAMPAIGNS_PER_CHANNEL.items():
        for number in range(count):
            campaign(random, end, account, channel, number)


def campaign(random: Random, end: float, account: Account, channel: str, number: int) -> None:
    """One campaign and its message. Ids do not follow any date."""
    created = end - (360 - number) * DAY + random.random()
    updated = created + random.random() * 100 * DAY
    status = STATUSES[number % len(STATUSES)]
    sent = iso_seconds(updated) if status == "Sent" else None
    planned = sent or (iso_seconds(updated + DAY) if status == "Scheduled" else None)
    strategy = {"method": "static", "datetime": planned, "options": {"is_local": False}}
    attributes = {
        "name": f"{channel} campaign {number} ✉",
        "status": status,
        "archived": number % 10 == ARCHIVED,
        "audiences": {"included": [account.lists[number % len(account.lists)]], "excluded": []},
        "send_options": {"use_smart_sending": True},
        "tracking_options": tracking(channel),
        "send_strategy": strategy if planned else {"method": "immediate"},
        "created_at": iso_microseconds(created),
        "scheduled_at": planned,
        "updated_at": iso_microseconds(updated),
        "send_time": sent,
    }
    account.campaigns.append(ulid(random, random.random() * end))
    links = some_tags(random, account, number)
    columns = {"channel": channel}
    campaign_id = account.campaigns[-1]
    account.resources.append(Resource("campaign", campaign_id, attributes, columns, links))
    message(random, account, channel, attributes)


def tracking(channel: str) -> dict[str, Any]:
    """Tracking options; only e-mail can track clicks and opens."""
    options = {"add_tracking_params": True, "custom_tracking_params": []}
    extra = {"is_tracking_clicks": True, "is_tracking_opens": True} if channel == "email" else {}
    return {**options, **extra}


def message(
    random: Random, account: Account, channel: str, campaign_attributes: dict[str, Any]
) -> None:
    """The message of the campaign made last."""
    account.messages.append(ulid(random, 1_700_000_000))
    planned = campaign_attributes["scheduled_at"]
    attributes = {
        "definition": DEFINITIONS[channel],
        "send_times": [{"datetime": planned, "is_local": False}] if planned else [],
        "created_at": campaign_attributes["created_at"],
        "updated_at": campaign_attributes["updated_at"],
    }
    columns = {
        "campaign_id": account.campaigns[-1],
        "image_id": "1000" if channel == "mobile_push" else "",
        "template_id": random.choice(account.templates) if channel == "email" else "",
    }
    account.resources.append(
        Resource("campaign-message", account.messages[-1], attributes, columns)
    )


DEFINITIONS: dict[str, dict[str, Any]] = {
    "email": {
        "channel": "email",
        "label": "A message",
        "content": {
            "subject": "Grüße, {{ first_name }}",
            "preview_text": "…",
            "from_email": "sandbox@klaviyo-sandbox.dev",
            "from_label": "Sandbox",
            "reply_to_email": None,
            "cc_email": None,
            "bcc_email": None,
        },
    },
    "sms": {
        "channel": "sms",
        "content": {"body": "Hello"},
        "render_options": {
            "shorten_links": True,
            "add_org_prefix": True,
            "add_info_link": True,
            "add_opt_out_language": False,
        },
    },
    "mobile_push": {
        "channel": "mobile_push",
        "notification_type": "standard",
        "content": {"title": "Hello", "body": "There", "dynamic_image": None},
        "kv_pairs": {"campaign": "one"},
        "options": {"on_open": {"type": "open_app"}, "badge": {"display": False}},
    },
}
