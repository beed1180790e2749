"""Consent and suppression of one person: the attribute `subscriptions`, before and after. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

State = dict[str, Any]
# How `subscriptions` of a profile calls the channels of a request.
KEPT_AS = {"email": "email", "sms": "sms", "whatsapp": "whatsapp", "push": "mobile_push"}
# What an e-mail subscription lifts; Klaviyo's text says SPAM_REPORT, its enum SPAM_COMPLAINT.
LIFTED = ("UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED")
SUBSCRIBED, UNSUBSCRIBED = "SUBSCRIBED", "UNSUBSCRIBED"


def flag(channel: str, kind: str) -> str:
    """The name of what says whether somebody can receive messages of a kind."""
    plain = channel == "whatsapp" or kind == "open_tracking"
    return "can_receive" if plain else f"can_receive_{channel}_{kind}"


def agreed(state: State, channel: str, kind: str, consent: Mapping[str, Any], now: str) -> State:
    """After a consent was given or taken back, `now` or at its `consented_at`."""
    place = KEPT_AS[channel]
    channels = dict(state.get(place) or {})
    entry = dict(channels.get(kind) or {})
    word = consent["consent"]
    entry |= {
        "consent": word,
        "consent_timestamp": consent.get("consented_at") or now,
        flag(channel, kind): word == SUBSCRIBED,
    }
    if channel != "push":
        entry["last_updated"] = now
    if (channel, kind) == ("email", "marketing"):
        entry |= {"method": "SERVER"}
        entry["suppression"] = suppressions_after(entry.get("suppression") or [], word, now)
        entry[flag(channel, kind)] = word == SUBSCRIBED and not entry["suppression"]
    return {**state, place: {**channels, kind: entry}}


def suppressions_after(known: Iterable[Mapping[str, str]], word: str, now: str) -> list[Any]:
    """The suppressions after a consent to e-mail marketing became `word`."""
    if word == SUBSCRIBED:
        return [one for one in known if one["reason"] not in LIFTED]
    return with_reason(known, "UNSUBSCRIBE", now)


def with_reason(known: Iterable[Mapping[str, str]], reason: str, now: str) -> list[Any]:
    """The suppressions with one for `reason`, the newest first."""
    others = [one for one in known if one["reason"] != reason]
    return [{"reason": reason, "timestamp": now}, *others]


def suppressed(state: State, now: str) -> State | None:
    """After somebody was suppressed by hand; None where that changes nothing."""
    marketing = state["email"]["marketing"]
    known = marketing.get("suppression") or []
    if any(one["reason"] == "USER_SUPPRESSED" for one in known):
        return None
    return with_suppressions(state, with_reason(known, "USER_SUPPRESSED", now))


def unsuppressed(state: State) -> State | None:
    """After that was taken back, other reasons remaining; None where that changes nothing."""
    known = state["email"]["marketing"].get("suppression") or []
    others = [one for one in known if one["reason"] != "USER_SUPPRESSED"]
    return None if len(others) == len(known) else with_suppressions(state, others)


def with_suppressions(state: State, suppressions: list[Any]) -> State:
    """The state with these suppressions, and what follows from them."""
    marketing = state["email"]["marketing"]
    receives = not suppressions and marketing["consent"] != UNSUBSCRIBED
    changed = {"suppression": suppressions, "can_receive_email_marketing": receives}
    return {**state, "email": {**state["email"], "marketing": {**marketing, **changed}}}


def left_list(state: State, list_id: str, now: str) -> State:
    """After somebody unsubscribed from one list only."""
    marketing = state["email"]["marketing"]
    known = [one for one in marketing.get("list_suppressions") or [] if one["list_id"] != list_id]
    entry = {"list_id": list_id, "reason": "UNSUBSCRIBE", "timestamp": now}
    changed = {**marketing, "list_suppressions": [entry, *known]}
    return {**state, "email": {**state["email"], "marketing": changed}}
