"""Nobody is subscribed whom a refused row of the same batch takes off again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from target_klaviyo.nesting import LEVELS
from target_klaviyo.withdrawals import WITHHELD
from tests.target.running import load, records, run_target, schema, sent, text
from tests.target.test_subscriptions import STREAM, consents, lenient, marketing, no, yes

BAD = {"phone_number": "12"}
HELD = f"skipped: {WITHHELD.reason}"


def phone(number: str, **others: Any) -> dict[str, Any]:
    return yes("", **{"phone_number": number, "channel": "sms", **others})


@pytest.mark.parametrize(
    "refused",
    [
        no("ANN@shop.org", **BAD),
        no("ann@shop.org", channel="fax"),
        no("ann@shop.org", message_type="gossip"),
        no("ann@shop.org", consent="unsubscribe"),
        no("ann@shop.org", list_id="L1", list_name={"a": 1}),
    ],
    ids=["bad number", "no such channel", "no such type", "no such word", "does not fit"],
)
def test_no_consent_goes_out_before_a_refused_withdrawal(
    sandbox: Sandbox, tmp_path: Path, refused: dict[str, Any]
) -> None:
    rows = [yes("ann@shop.org"), yes("bob@shop.org"), refused, yes("eve@shop.org")]
    done = load(sandbox, consents(*rows), **lenient(tmp_path))
    assert done.error is None
    (rejected,) = (one for one in done.counts(STREAM) if one.startswith("rejected"))
    assert done.counts(STREAM) == {"accepted": 2, HELD: 1, rejected: 1}
    assert marketing(sandbox) == {"bob@shop.org": "SUBSCRIBED", "eve@shop.org": "SUBSCRIBED"}


def test_what_comes_after_it_counts(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [no("ann@shop.org", **BAD), yes("ann@shop.org")]
    done = load(sandbox, consents(*rows), **lenient(tmp_path))
    assert done.counts(STREAM)["accepted"] == 1
    assert marketing(sandbox) == {"ann@shop.org": "SUBSCRIBED"}


def test_other_channels_and_other_refusals_take_nothing_back(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    number = "+14155550123"
    rows = [
        yes("ann@shop.org"),
        phone(number),
        no("ann@shop.org", channel="sms", **BAD),
        no("ann@shop.org", consent="", **BAD),
        yes("ann@shop.org", **BAD),
        yes("ann@shop.org", consent="yes"),
        no("not an address", phone_number=number),
    ]
    done = load(sandbox, consents(*rows), **lenient(tmp_path))
    assert done.error is None
    counts = done.counts(STREAM)
    assert counts["accepted"] == 2
    assert sum(count for one, count in counts.items() if one.startswith("rejected")) == 5
    assert marketing(sandbox)["ann@shop.org"] == "SUBSCRIBED"


def test_the_row_may_name_a_person_by_number_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    number = "+14155550123"
    rows = [phone(number), no("ann@", phone_number=number, channel="sms")]
    done = load(sandbox, consents(*rows), **lenient(tmp_path))
    assert done.counts(STREAM)[HELD] == 1
    assert sent(sandbox, "bulk_subscribe_profiles") == []


@pytest.mark.parametrize("value", ["[" * LEVELS + "]" * LEVELS, "NaN"], ids=["deep", "no JSON"])
def test_a_withdrawal_on_a_line_that_cannot_be_taken_whole_is_one(
    sandbox: Sandbox, tmp_path: Path, value: str
) -> None:
    row = no("ann@shop.org", custom_source="HERE")
    line = text(consents(yes("ann@shop.org"), row)).replace('"HERE"', value)
    done = run_target(sandbox.url, line, **lenient(tmp_path))
    assert done.code == 0, done.log
    assert (done.figures(STREAM)["skipped"], done.figures(STREAM)["rejected"]) == (1, 1)
    assert marketing(sandbox) == {}


def test_also_of_another_stream_of_the_same_batch(sandbox: Sandbox, tmp_path: Path) -> None:
    columns = ("consent", "channel", "message_type", "email", "phone_number")
    messages = [
        *consents(yes("ann@shop.org"), yes("bob@shop.org"))[:-1],
        schema("optouts", *columns),
        *records("optouts", [no("ann@shop.org", **BAD)]),
    ]
    streams = {"optouts": {"sink": "subscriptions"}}
    done = load(sandbox, messages, streams=streams, **lenient(tmp_path))
    assert done.counts(STREAM) == {"accepted": 1, HELD: 1}
    assert marketing(sandbox) == {"bob@shop.org": "SUBSCRIBED"}


def test_where_refused_rows_stop_the_run_the_consent_has_not_gone_out(sandbox: Sandbox) -> None:
    done = load(sandbox, consents(yes("ann@shop.org"), no("ann@shop.org", **BAD)))
    assert type(done.error).__name__ == "RowsFailedError"
    assert marketing(sandbox) == {}


def test_a_consent_held_back_is_looked_at_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """As `change_store` remembers only what Klaviyo has."""
    declared = {**consents()[0], "key_properties": ["email"]}
    store = {"change_store": str(tmp_path / "store"), **lenient(tmp_path)}
    first = [declared, *records(STREAM, [yes("ann@shop.org"), no("ann@shop.org", **BAD)])]
    assert load(sandbox, first, **store).counts(STREAM)[HELD] == 1
    second = [declared, *records(STREAM, [yes("ann@shop.org")])]
    assert load(sandbox, second, **store).counts(STREAM) == {"accepted": 1}
    assert marketing(sandbox) == {"ann@shop.org": "SUBSCRIBED"}


def test_somebody_without_address_is_known_by_the_anonymous_id(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    device = {"push_token": "t", "push_platform": "ios", "push_vendor": "apns"}
    rows = [
        yes("", channel="push", anonymous_id="A1", id="01ABC", **device),
        no("", channel="push", anonymous_id="a1"),
    ]
    counts = load(sandbox, consents(*rows), **lenient(tmp_path)).counts(STREAM)
    assert counts == {
        HELD: 1,
        "rejected: has no push_token, which unsubscribing from push needs": 1,
    }
