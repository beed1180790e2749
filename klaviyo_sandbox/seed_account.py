"""Everything of a seeded account that is not a profile or an event."""

from __future__ import annotations

from random import Random
from typing import Any

from klaviyo_sandbox.clock import iso_seconds
from klaviyo_sandbox.seed_campaigns import campaigns
from klaviyo_sandbox.seed_form import Account, some_tags
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
LISTS, SEGMENTS, FLOWS, TEMPLATES, TAGS = 13, 11, 12, 23, 9
FLOW_DEFINITION = '{"triggers":[],"profile_filter":null,"actions":[],"entry_action_id":null}'
TRIGGERS = ("Metric", "Added to List", "Unconfigured", "Date Based")


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
        # Klaviyo says "Added to List" of segments too.
        groups = account.segments if number % 8 == 5 else account.lists  # noqa: PLR2004
        targets = {"Metric": account.metrics, "Added to List": groups}.get(trigger, [""])
        columns = {"trigger_id": targets[number % len(targets)], "definition": FLOW_DEFINITION}
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
