"""Consents of another account, as tap-klaviyo's stream `profile_consents` has them.

Copying must contact nobody who does not want it. Consents given are sent as historical imports,
which ask nobody to confirm and start nothing; consents taken back are taken back here too; who
is suppressed there is suppressed here, and not subscribed, for that would lift it; and who has
unsubscribed from this account stays so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from target_klaviyo.consents import (
    ADDRESS,
    BOTH,
    SUBSCRIBED,
    UNSUBSCRIBED,
    build_subscription,
)
from target_klaviyo.items import ENCODER, Item
from target_klaviyo.outcomes import Outcome, RejectedRowError, Row, SkippedRowError
from target_klaviyo.plans import Accepted, Directory, Plan, Settled, StreamRules
from target_klaviyo.subscriptions import plan_subscriptions
from target_klaviyo.suppressions import SUPPRESS
from target_klaviyo.waves import each_once

# What Klaviyo takes with `consented_at`.
OF_THE_PAST: Mapping[str, tuple[str, ...]] = {
    "email": ("marketing",),
    "sms": BOTH,
    "whatsapp": BOTH,
}
ABSENT = Outcome(
    "unknown", "was sent, but no profile with this address was found; a second copy makes sure"
)
CONTRADICTED = Outcome("skipped", "another row takes the same consent of this address back")
THERE = Outcome("skipped", "has this consent already")
WITHDRAWN = Outcome("skipped", "has unsubscribed from this account, and stays so")
STILL = Outcome("skipped", "is suppressed in this account already")
SUPPRESSED = Outcome("skipped", "is suppressed in this account, and stays so")


def build_copied(accepted: Accepted, row: Row, rules: StreamRules) -> Item:
    """The consent as a change of this account.

    Raises:
        RowError: there is nothing to change, or nothing that may be changed.
    """
    consent = str(accepted.get("consent") or "").strip().upper()
    channel = str(accepted["channel"]).strip().lower()
    if not consent:
        raise SkippedRowError("nothing is known of this consent")
    if channel in {"push", "mobile_push"}:
        raise SkippedRowError("consent to push belongs to devices, which are not copied")
    if channel in ADDRESS and not accepted.get(ADDRESS[channel]):
        raise SkippedRowError(f"has no {ADDRESS[channel]} that channel {channel} could reach")
    if accepted.get("suppressed") and consent != UNSUBSCRIBED:
        rules.notice(
            "suppressed people",
            "holds consents of suppressed people: they are suppressed here, and not subscribed",
        )
        return suppression(accepted["email"], row)
    if consent == SUBSCRIBED:
        check_given(accepted, channel)
        return build_subscription({**accepted, "historical_import": True}, row, rules)
    return build_subscription({**accepted, "historical_import": None}, row, rules)


def suppression(email: str, row: Row) -> Item:
    """An address to be suppressed."""
    attributes = {"email": email}
    identity = f"email:{email.lower()}"
    content = {"key": ("email", "marketing", identity), "consent": None}
    body = ENCODER.encode({"type": "profile", "attributes": attributes})
    return Item((row,), body, identities=(identity,), content=content)


def check_given(accepted: Accepted, channel: str) -> None:
    """Refuse a consent that must not, or cannot, be given here.

    Raises:
        RowError: it must not.
    """
    if accepted.get("can_receive") is False:
        raise SkippedRowError("cannot receive such messages in the other account")
    if accepted.get("valid_until"):
        raise SkippedRowError("ends at a time (valid_until), which Klaviyo's API does not take")
    kind = str(accepted["message_type"]).strip().lower()
    if kind not in OF_THE_PAST.get(channel, (kind,)):
        raise SkippedRowError(f"Klaviyo takes no consent of the past to {channel} {kind}")
    number = accepted.get("channel_phone_number")
    if number and number != accepted.get("phone_number"):
        raise RejectedRowError("the consent is for another phone_number than the profile's")


def plan_copied(items: Sequence[Item], directory: Directory) -> Plan:
    """Change what is not so yet, and nothing that people of this account have decided since."""
    asked: dict[str, set[str]] = {}
    for item in items:
        kind, value = reached(item)
        asked.setdefault(kind, set()).add(value)
    known = {
        (kind, value): state
        for kind, values in asked.items()
        for value, state in directory.subscriptions(kind, values).items()
    }
    refusing = {item.content["key"] for item in items if item.content["consent"] != SUBSCRIBED}
    kept: list[Item] = []
    settled: list[Settled] = []
    for item in items:
        outcome = standing(item, known.get(reached(item), {}))
        if item.content["consent"] == SUBSCRIBED and item.content["key"] in refusing:
            outcome = CONTRADICTED
        if outcome:
            settled.append(Settled(item, outcome))
        else:
            kept.append(item)
    first = each_once([one for one in kept if not one.content["consent"]], SUPPRESS)
    withdrawals = [one for one in kept if one.content["consent"] == UNSUBSCRIBED]
    absent = {one.rows[0].number for one in withdrawals if reached(one) not in known}
    plan = plan_subscriptions([one for one in kept if one.content["consent"]], directory)
    waves = [*first.waves, *plan.waves]
    settled = [*settled, *first.settled, *plan.settled]
    return Plan(waves, settled, then=partial(doubted, absent))


def doubted(absent: Collection[int], settled: Sequence[Settled]) -> Plan:
    """What became of everything; in doubt where nobody was found whom a withdrawal could reach.

    Klaviyo answers 202 to that as well. It is sent all the same: somebody who was written just
    now may not be found yet.
    """
    return Plan(
        settled=[
            replace(one, outcome=ABSENT)
            if one.outcome.kind == "accepted" and any(row.number in absent for row in one.item.rows)
            else one
            for one in settled
        ]
    )


def reached(item: Item) -> tuple[str, str]:
    """Kind and value of the address that the consent of an item is about."""
    _, _, address = item.content["key"]
    kind, _, value = address.partition(":")
    return kind, value


def standing(item: Item, state: Mapping[str, Any]) -> Outcome | None:
    """Why a consent stays as this account has it; None where it is to be changed."""
    channel, kind, _ = item.content["key"]
    entry = (state.get(channel) or {}).get(kind) or {}
    wanted, now = item.content["consent"], entry.get("consent")
    if wanted is None:
        return STILL if entry.get("suppression") or now == UNSUBSCRIBED else None
    if now == wanted:
        return THERE
    if wanted == UNSUBSCRIBED:
        return None
    if now == UNSUBSCRIBED:
        return WITHDRAWN
    return SUPPRESSED if entry.get("suppression") else None
