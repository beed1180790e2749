"""Everything of a seeded account that is not a profile or an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from klaviyo_sandbox.clock import iso_microseconds, iso_seconds
from klaviyo_sandbox.seed_values import short_id, text_of, ulid, words
from klaviyo_sandbox.store import Resource

DAY = 86_400
METRICS = (
    ("Placed Order", "Shopify", "eCommerce"),
    ("Ordered Product", "Shopify", "eCommerce"),
    ("Started Checkout", "Shopify", "eCommerce"),
    ("Received Email", "Klaviyo", "Internal"),
    ("Opened Email", "Klaviyo", "Internal"),
    ("Clicked Email", "Klaviyo", "Internal"),
    ("Viewed Produit été", "API", "API"),
)
CHANNELS = ("email", "sms", "mobile_push")
CAMPAIGNS_PER_CHANNEL = {"email": 130, "sms": 12, "mobile_push": 5}
"""More e-mail campaigns than fit a page of 100."""

ARCHIVED = 4
LISTS, SEGMENTS, FLOWS, TEMPLATES, TAGS = 13, 11, 12, 23, 9
STATUSES = ("Draft", "Scheduled", "Sent", "Sent", "Cancelled")
TRIGGERS = ("Metric", "Added to List", "Unconfigured", "Date Based")


@dataclass
class Account:
    """The ids of what was made, for what refers to it, and the resources themselves."""

    metrics: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)
    campaigns: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    templates: list[str] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)


def account_resources(random: Random, end: float) -> Account:
    """The account, its metrics, tags, lists, segments, templates, campaigns and flows."""
    account = Account()
    account.resources.append(the_account(random))
    for make in (metrics, tags, templates, lists, segments, campaigns, flows):
        make(random, end, account)
    return account


def the_account(random: Random) -> Resource:
    """The account itself; its id is the public key."""
    key = short_id(random)
    address = {
        "address1": "125 Summer St",
        "address2": "5th Floor",
        "city": "Boston",
        "region": "MA",
        "country": "US",
        "zip": "02110",
    }
    contact = {
        "default_sender_name": "Sandbox",
        "default_sender_email": "sandbox@klaviyo-sandbox.dev",
        "website_url": "https://klaviyo-sandbox.dev",
        "organization_name": "Sandbox",
        "street_address": address,
    }
    attributes = {
        "test_account": True,
        "contact_information": contact,
        "industry": "Software / SaaS",
        "timezone": "US/Eastern",
        "preferred_currency": "USD",
        "public_api_key": key,
        "locale": "en-US",
    }
    return Resource("account", key, attributes)


def metrics(random: Random, end: float, account: Account) -> None:
    """The metrics, all older than the events."""
    for number, (name, integration, category) in enumerate(METRICS):
        created = iso_seconds(end - (900 - number) * DAY)
        attributes = {
            "name": name,
            "created": created,
            "updated": created,
            "integration": {
                "object": "integration",
                "id": f"{number:07d}",
                "name": integration,
                "category": category,
            },
        }
        account.metrics.append(short_id(random))
        account.resources.append(Resource("metric", account.metrics[-1], attributes))


def tags(random: Random, _end: float, account: Account) -> None:
    """A default group of tags and an exclusive one."""
    groups = []
    for name, exclusive, default in (("Default", False, True), ("Season", True, False)):
        groups.append(ulid(random, 1_600_000_000).lower())
        attributes = {"name": name, "exclusive": exclusive, "default": default}
        account.resources.append(Resource("tag-group", groups[-1], attributes))
    for number in range(TAGS):
        account.tags.append(ulid(random, 1_600_000_000).lower())
        columns = {"tag_group_id": groups[number % 2]}
        tag = Resource("tag", account.tags[-1], {"name": f"tag {number} é"}, columns)
        account.resources.append(tag)


def some_tags(random: Random, account: Account, number: int) -> dict[str, list[str]]:
    """Two tags for every other resource."""
    return {"tags": random.sample(account.tags, k=2)} if number % 2 == 0 else {}


def lists(random: Random, end: float, account: Account) -> None:
    """The lists, more than fit a page of 10; three share the second of their update."""
    for number in range(LISTS):
        attributes = {
            "name": f"List {number} «{words(random, 10)}»",
            "created": iso_seconds(end - (400 - number) * DAY),
            "updated": iso_seconds(end - (100 - number // 3) * DAY),
            "opt_in_process": ("single_opt_in", "double_opt_in")[number % 2],
        }
        account.lists.append(short_id(random))
        links = some_tags(random, account, number)
        account.resources.append(Resource("list", account.lists[-1], attributes, links=links))


def segments(random: Random, end: float, account: Account) -> None:
    """The segments."""
    for number in range(SEGMENTS):
        attributes = {
            "name": f"Segment {number}",
            "definition": segment_definition(number),
            "created": iso_seconds(end - (300 - number) * DAY),
            "updated": iso_seconds(end - (80 - number // 2) * DAY),
            "is_active": number % 5 != 1,
            "is_processing": False,
            "is_starred": number % 4 == 0,
        }
        account.segments.append(short_id(random))
        links = some_tags(random, account, number)
        account.resources.append(Resource("segment", account.segments[-1], attributes, links=links))


def segment_definition(number: int) -> dict[str, Any]:
    """One condition on a custom property."""
    condition = {
        "type": "profile-property",
        "property": "properties['loyalty tier']",
        "filter": {"type": "string", "operator": "equals", "value": f"tier {number}"},
    }
    return {"condition_groups": [{"conditions": [condition]}]}


def templates(random: Random, end: float, account: Account) -> None:
    """The templates, more than fit two pages of 10."""
    for number in range(TEMPLATES):
        attributes = {
            "name": f"Template {number}",
            "editor_type": ("CODE", "SYSTEM_DRAGGABLE")[number % 2],
            "html": f"<html><body>{words(random, 200)}</body></html>",
            "text": words(random, 60) if number % 2 else None,
            "amp": None,
            "created": iso_seconds(end - (200 - number) * DAY),
            "updated": iso_seconds(end - (50 - number) * DAY),
        }
        account.templates.append(short_id(random))
        account.resources.append(Resource("template", account.templates[-1], attributes))


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
        "audiences": {"included": [account.lists[number % LISTS]], "excluded": []},
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


def flows(random: Random, end: float, account: Account) -> None:
    """Flows with two actions each; two are archived."""
    for number in range(FLOWS):
        trigger = TRIGGERS[number % len(TRIGGERS)]
        attributes = {
            "name": f"Flow {number}",
            "status": ("draft", "manual", "live")[number % 3],
            "archived": number in (4, 9),
            "created": iso_seconds(end - (250 - number) * DAY),
            "updated": iso_seconds(end - (60 - number // 2) * DAY),
            "trigger_type": trigger,
        }
        targets = {"Metric": account.metrics, "Added to List": account.lists}.get(trigger, [""])
        columns = {"trigger_id": targets[number % len(targets)]}
        account.flows.append(short_id(random))
        links = some_tags(random, account, number)
        account.resources.append(Resource("flow", account.flows[-1], attributes, columns, links))
        for place in range(2):
            account.resources.append(flow_action(random, account, attributes, place))


def flow_action(random: Random, account: Account, flow: dict[str, Any], place: int) -> Resource:
    """One action of the flow made last."""
    action_id = text_of(random, "123456789", 8)
    delay = {"unit": "days", "value": place + 1, "secondary_value": 0, "timezone": "profile"}
    definition = {
        "id": action_id,
        "temporary_id": None,
        "type": "time-delay",
        "links": {"next": None},
        "data": {**delay, "delay_until_time": None, "delay_until_weekdays": []},
    }
    attributes = {
        "created": flow["created"],
        "updated": flow["updated"],
        "definition": definition,
    }
    return Resource("flow-action", action_id, attributes, {"flow_id": account.flows[-1]})
