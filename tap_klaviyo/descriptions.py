"""What columns mean, where their names do not say it: for catalogs, and for tables made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# By column, whatever the stream.
ALL_STREAMS: Mapping[str, str] = {
    "extra_attributes": "What Klaviyo sent beyond the columns, and date-times that are none.",
    "joined_group_at": "When the profile joined this list or segment last.",
    "created": "When it was made in Klaviyo, UTC.",
    "created_at": "When it was made in Klaviyo, UTC.",
    "updated": "When it changed last, UTC. Each run asks for what is newer than the last one saw.",
    "updated_at": "When it changed last, UTC.",
    "archived": "Whether it has been put away. Archived ones are read too.",
    "predictive_analytics": "Klaviyo's estimates. Money is in the account's currency, "
    "average_days_between_orders in days, churn_probability from 0 to 1.",
    "properties": "Custom properties, as they were sent to Klaviyo.",
    "subscriptions": "Consent by channel and kind of message. can_receive_... is Klaviyo's own "
    "conclusion from consent and suppressions.",
    "expires_at": "From when on it is no longer valid, or no longer kept.",
    "total_count": "Rows that the job was given.",
    "completed_count": "Rows that were taken.",
    "failed_count": "Rows that were refused.",
}
# By stream and column; these come before the ones above.
BY_STREAM: Mapping[str, Mapping[str, str]] = {
    "campaigns": {
        "scheduled_at": "When somebody scheduled it, not when it is sent.",
        "send_time": "When it is or was sent; null while that is not settled.",
    },
    "campaign_recipient_estimations": {
        "id": "The campaign's id.",
        "estimated_recipient_count": "People, by the estimate that was asked for last.",
    },
    "catalog_items": {"price": "In no stated currency: as the shop sent it."},
    "catalog_variants": {
        "price": "In no stated currency: as the shop sent it.",
        "inventory_policy": "1: not recommended once sold out; 0 and 2: recommended all the same.",
    },
    "coupon_codes": {"expires_at": "Until when it can be used; without a date, a year."},
    "events": {
        "datetime": "When it happened, UTC. Klaviyo may show it days later.",
        "timestamp": "The same moment in whole seconds since 1970.",
        "event_properties": "Properties as they were sent. $value is the number that Klaviyo adds "
        "up as revenue, $value_currency its currency, $event_id what made it unique.",
        "uuid": "Klaviyo's UUID; made from the time, not the record's id.",
        "metric_name": "The metric's name at the time of reading.",
        "campaign_id": "The campaign that Klaviyo credits.",
        "flow_id": "The flow that Klaviyo credits.",
        "email": "The profile's address at the time of reading.",
        "phone_number": "The profile's number at the time of reading.",
        "external_id": "The profile's id in your own system at the time of reading.",
    },
    "images": {"size": "In bytes."},
    "list_profiles": {"list_name": "The list's name; null where several lists have the same."},
    "mapped_metrics": {"id": "What the metric counts as, such as revenue."},
    "metric_properties": {"sample_values": "Values that the property has had, as texts."},
    "object_ingestion_logs": {"timestamp": "When the record was refused. Kept for 14 days."},
    "profile_consents": {
        "channel": "email, sms, whatsapp or mobile_push.",
        "message_type": "marketing, transactional, conversational or open_tracking.",
        "consent": "SUBSCRIBED, UNSUBSCRIBED or NEVER_SUBSCRIBED.",
        "consent_timestamp": "When the consent was given or taken back, UTC.",
        "can_receive": "Klaviyo's own conclusion from consent and suppressions.",
        "suppressed": "Whether the address is suppressed, whatever the consent says.",
        "channel_phone_number": "The number that the consent is for, where Klaviyo names one.",
    },
    "profile_list_suppressions": {
        "timestamp": "Since when the profile is suppressed for the list."
    },
    "profile_suppressions": {
        "timestamp": "Since when the profile is suppressed.",
        "reason": "HARD_BOUNCE, INVALID_EMAIL, SPAM_COMPLAINT, UNSUBSCRIBE or USER_SUPPRESSED.",
    },
    "profiles": {
        "updated": "When the profile changed last, UTC, in whole seconds.",
        "last_event_date": "When the profile's newest event happened.",
        "external_id": "The id that your own system gave.",
    },
    "push_tokens": {"recorded_date": "When the device reported the token last."},
    "reviews": {"rating": "From 1 to 5."},
}


def describe(stream: str, schema: dict[str, Any]) -> None:
    """Put the descriptions into a stream's schema."""
    known = {**ALL_STREAMS, **BY_STREAM.get(stream, {})}
    for name, part in schema["properties"].items():
        if name in known:
            part["description"] = known[name]
