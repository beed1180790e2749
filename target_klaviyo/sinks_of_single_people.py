"""The sinks of single people: merges, push tokens, back-in-stock subscriptions."""

from __future__ import annotations

from target_klaviyo.devices import build_token, plan_tokens
from target_klaviyo.profile_merges import SIDES, build_merge, plan_merges
from target_klaviyo.sink_rows import SinkSpec, TapForm
from target_klaviyo.stock import build_stock, plan_stock

IDENTIFIERS = {"email": "email", "phone_number": "phone", "external_id": "string"}
NAMES = {"id": "string", **IDENTIFIERS}
PERSON = ("email", "phone_number", "external_id", "profile_id")

SINGLE_PEOPLE: tuple[SinkSpec, ...] = (
    SinkSpec(
        "profile_merges",
        fields={f"{side}_{name}": kind for side in SIDES for name, kind in NAMES.items()},
        needs=tuple(tuple(f"{side}_{name}" for name in NAMES) for side in SIDES),
        build=build_merge,
        plan=plan_merges,
        after=("profiles", "events"),
    ),
    SinkSpec(
        "push_tokens",
        fields={
            "token": "string",
            "platform": "string",
            "vendor": "string",
            "enablement_status": "string",
            "background": "string",
            "device_metadata": "json",
            "profile_id": "string",
            **IDENTIFIERS,
        },
        needs=(("token",), ("platform",), ("vendor",), ("enablement_status",), PERSON),
        build=build_token,
        plan=plan_tokens,
        after=("profiles",),
        tap=TapForm(
            frozenset({"recorded_date"}),
            {"metadata": "device_metadata"},
            frozenset({"created", "extra_attributes", "id", "recorded_date"}),
        ),
    ),
    SinkSpec(
        "back_in_stock_subscriptions",
        fields={
            "channels": "list",
            "variant_id": "string",
            "variant_external_id": "string",
            "profile_id": "string",
            **IDENTIFIERS,
        },
        needs=(("channels",), ("variant_id", "variant_external_id"), PERSON),
        build=build_stock,
        plan=plan_stock,
        after=("profiles", "catalog_variants"),
    ),
)
