"""Seeded forms, images, feeds, webhooks, and what belongs to metrics, flows and profiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from klaviyo_sandbox.clock import iso_microseconds, iso_seconds
from klaviyo_sandbox.seed_form import Account
from klaviyo_sandbox.seed_shop import encoded, job_id
from klaviyo_sandbox.seed_values import short_id, text_of, words
from klaviyo_sandbox.store import Resource

DAY = 86_400
FORMS, IMAGES, BLOCKS, FEEDS = 23, 45, 12, 7
"""More of most than fit a page of Klaviyo's default size."""

TOPICS = ("event:klaviyo.sent_sms", "event:klaviyo.opened_email", "event:klaviyo.clicked_email")


def content_resources(
    random: Random, end: float, account: Account, profiles: Sequence[str]
) -> Iterator[Resource]:
    """Everything of this module."""
    yield from forms(random, end)
    yield from images(random, end)
    yield from universal_content(end)
    yield from feeds(end)
    yield from webhooks(random, end)
    yield from metric_details(random, end, account)
    yield from flow_messages(random, account)
    yield from estimations(random, account)
    yield from devices(random, end, profiles)
    yield from suppression_jobs(random, end, account)
    yield from import_jobs(random, end, account, profiles)
    yield tracking_setting(random)


def forms(random: Random, end: float) -> Iterator[Resource]:
    """Forms with one to three versions each."""
    for number in range(FORMS):
        form = short_id(random)
        moments = {
            "created_at": iso_seconds(end - (300 - number) * DAY),
            "updated_at": iso_seconds(end - (90 - number) * DAY),
        }
        status = ("draft", "live")[number % 2]
        attributes: dict[str, Any] = {"name": f"Form {number}", "status": status}
        attributes |= {"ab_test": number % 3 > 0, **moments}
        yield Resource("form", form, attributes, {"definition": '{"versions":[]}'})
        for place in range(number % 3 + 1):
            version = {
                "form_type": ("popup", "embed", "flyout")[place],
                "variation_name": f"Variation {place}",
                "ab_test": {"variation_name": f"Test {place}"} if number % 3 else None,
                "status": status,
                **moments,
            }
            version_id = text_of(random, "123456789", 9)
            yield Resource("form-version", version_id, version, {"form_id": form})


def images(random: Random, end: float) -> Iterator[Resource]:
    """Images, some of them hidden."""
    for number in range(IMAGES):
        attributes = {
            "name": f"image {number}",
            "image_url": f"https://images.klaviyo-sandbox.dev/{number}.png",
            "format": ("png", "jpeg")[number % 2],
            "size": random.randrange(1_000, 900_000),
            "hidden": number % 6 == 1,
            "updated_at": iso_seconds(end - (IMAGES - number) * DAY),
        }
        yield Resource("image", str(1_000 + number), attributes)


def universal_content(end: float) -> Iterator[Resource]:
    """Blocks that templates share."""
    for number in range(BLOCKS):
        attributes = {
            "name": f"Block {number}",
            "definition": {"content_type": "block", "type": "button", "data": None},
            "created": iso_seconds(end - 200 * DAY),
            "updated": iso_seconds(end - (30 - number) * DAY),
            "screenshot_status": "completed",
            "screenshot_url": f"https://images.klaviyo-sandbox.dev/block-{number}.png",
        }
        yield Resource("template-universal-content", f"0190{number:04d}", attributes)


def feeds(end: float) -> Iterator[Resource]:
    """Web feeds."""
    for number in range(FEEDS):
        attributes = {
            "name": f"feed_{number}",
            "url": f"https://feeds.klaviyo-sandbox.dev/{number}",
            "request_method": "get",
            "content_type": ("json", "xml")[number % 2],
            "created": iso_seconds(end - 100 * DAY),
            "updated": iso_seconds(end - (20 - number) * DAY),
            "status": "ok",
        }
        yield Resource("web-feed", f"feed{number:04d}", attributes)


def webhooks(random: Random, end: float) -> Iterator[Resource]:
    """Webhooks and their topics."""
    for topic in TOPICS:
        yield Resource("webhook-topic", topic, {})
    for number in range(2):
        attributes = {
            "name": f"Webhook {number}",
            "description": None,
            "endpoint_url": f"https://hooks.klaviyo-sandbox.dev/{number}",
            "enabled": not number,
            "created_at": iso_seconds(end - 10 * DAY),
            "updated_at": iso_seconds(end - 9 * DAY),
        }
        topics = {"webhook-topics": TOPICS[: number + 1]}
        yield Resource("webhook", job_id(random, end), attributes, links=topics)


def metric_details(random: Random, end: float, account: Account) -> Iterator[Resource]:
    """Properties of metrics, custom metrics, and which metric counts as what."""
    for metric in account.metrics:
        for name in ("$value", "Items", "été"):
            attributes = {"label": name.title(), "property": name, "inferred_type": "string"}
            columns = {"metric_id": metric, "sample_values": encoded([name, 1, 2.5, True])}
            yield Resource("metric-property", short_id(random) * 2, attributes, columns)
    custom = short_id(random)
    group = {"metric_id": account.metrics[0], "metric_filters": [], "value_property": "$value"}
    definition = {"aggregation_method": "value", "metric_groups": [group]}
    moment = iso_seconds(end - 40 * DAY)
    named = {"name": "Custom metric", "created": moment, "updated": moment}
    links = {"metrics": account.metrics[:1]}
    yield Resource("custom-metric", custom, {**named, "definition": definition}, links=links)
    mappings = {"revenue": {"custom_metric_id": custom}, "added_to_cart": {}}
    mappings["ordered_product"] = {"metric_id": account.metrics[1]}
    for name, columns in mappings.items():
        yield Resource("mapped-metric", name, {"updated": moment}, columns)


def flow_messages(random: Random, account: Account) -> Iterator[Resource]:
    """Two messages for the second action of every flow."""
    actions = [one for one in account.resources if one.type == "flow-action"]
    for action in actions[1::2]:
        for place in range(2):
            template = random.choice(account.templates)
            attributes = {
                "channel": "email",
                "created": action.attributes["created"],
                "updated": action.attributes["updated"],
                "definition": email_definition(f"Message {place}", template),
            }
            columns = {"flow_action_id": action.id, "template_id": template}
            yield Resource("flow-message", short_id(random), attributes, columns)


def email_definition(name: str, template: str) -> dict[str, Any]:
    """What an e-mail of a flow says of itself."""
    return {
        "from_email": "sandbox@klaviyo-sandbox.dev",
        "from_label": "Sandbox",
        "reply_to_email": None,
        "cc_email": None,
        "bcc_email": None,
        "subject_line": "Grüße",
        "preview_text": None,
        "template_id": template,
        "smart_sending_enabled": True,
        "transactional": False,
        "add_tracking_params": True,
        "custom_tracking_params": [],
        "additional_filters": None,
        "name": name,
        "id": None,
    }


def estimations(random: Random, account: Account) -> Iterator[Resource]:
    """Estimated recipients of every other campaign: of the others none was asked for."""
    for campaign in account.campaigns[::2]:
        count = {"estimated_recipient_count": random.randrange(10_000)}
        yield Resource("campaign-recipient-estimation", campaign, count)


def devices(random: Random, end: float, profiles: Sequence[str]) -> Iterator[Resource]:
    """Push tokens of one profile in ten, conversations of one in eight."""
    for number, profile in enumerate(profiles):
        owner = {"profile_id": profile}
        if number % 10 == 0:
            attributes = push_token(end, text_of(random, "0123456789abcdef", 32), number)
            yield Resource("push-token", job_id(random, end), attributes, owner)
        if number % 8 == 1:
            for channel in ("sms", "whatsapp")[: number % 3 + 1]:
                name = job_id(random, end)
                yield Resource("conversation", name, {"channel": channel}, owner)


def push_token(end: float, token: str, number: int) -> dict[str, Any]:
    """The attributes of a push token."""
    return {
        "created": iso_seconds(end - 50 * DAY),
        "token": token,
        "enablement_status": ("AUTHORIZED", "DENIED")[number % 20 // 10],
        "platform": ("ios", "android")[number % 20 // 10],
        "vendor": "fcm",
        "background": "AVAILABLE",
        "recorded_date": iso_seconds(end - 20 * DAY),
        "metadata": {
            "device_id": f"device-{number}",
            "app_name": "Sandbox",
            "environment": "debug",
        },
    }


def suppression_jobs(random: Random, end: float, account: Account) -> Iterator[Resource]:
    """Jobs that suppressed, and lifted suppressions of, the members of a list."""
    for action in ("create", "delete"):
        for number, status in enumerate(("complete", "processing", "cancelled")):
            attributes = {
                "status": status,
                "created_at": iso_microseconds(end - (number + 2) * DAY),
                "total_count": 20,
                "completed_count": 18,
                "completed_at": iso_microseconds(end - DAY) if status == "complete" else None,
                "skipped_count": 2,
            }
            kind = f"profile-suppression-bulk-{action}-job"
            links = {"lists": [account.lists[number]]}
            yield Resource(kind, job_id(random, end), attributes, links=links)


def import_jobs(
    random: Random, end: float, account: Account, profiles: Sequence[str]
) -> Iterator[Resource]:
    """Imports of profiles into a list; every second one refused some rows."""
    for number in range(4):
        failed = 25 * (number % 2)
        attributes = {
            "status": "complete",
            "created_at": iso_microseconds(end - (number + 3) * DAY),
            "total_count": 40,
            "completed_count": 40 - failed,
            "failed_count": failed,
            "completed_at": iso_microseconds(end - (number + 3) * DAY + 60),
            "expires_at": iso_microseconds(end + 4 * DAY),
            "started_at": iso_microseconds(end - (number + 3) * DAY + 5),
        }
        job = job_id(random, end)
        links = {"lists": account.lists[number : number + 1], "profiles": profiles[number::10]}
        yield Resource("profile-bulk-import-job", job, attributes, links=links)
        for row in range(failed):
            error = {
                "code": "invalid",
                "title": "Invalid input.",
                "detail": "Invalid phone number format",
                "source": {"pointer": f"/data/attributes/profiles/data/{row}/attributes"},
                "original_payload": {"attributes": {"phone_number": f"number {row}"}},
            }
            yield Resource("import-error", f"{row:06d}-{job[-6:]}", error, {"job_id": job})


def tracking_setting(random: Random) -> Resource:
    """The one setting of an account."""
    value = {
        "flow": {"type": "static", "value": words(random, 8)},
        "campaign": {"type": "dynamic", "value": "campaign_name"},
    }
    names = ("utm_source", "utm_medium", "utm_campaign", "utm_id", "utm_term")
    attributes = {"auto_add_parameters": True, **dict.fromkeys(names, value)}
    custom = {**value, "name": "shop"}
    return Resource("tracking-setting", "1", {**attributes, "custom_parameters": [custom]})
