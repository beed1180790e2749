"""With `change_store`, too, what holds for a person in the end is what the last row says."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from klaviyo_sandbox.sandbox import Sandbox
from tests.target.running import load, records, schema
from tests.target.test_changes import CONSENTS, LOGGED, UNCHANGED

PEOPLE = [f"p{n}@shop.org" for n in range(3)]
STREAMS = {"log": LOGGED["log"], "gone": LOGGED["log"]}
WORDS = ["SUBSCRIBED", "UNSUBSCRIBED"]
Told = tuple[str, dict[str, str]]


def made(sandbox: Sandbox) -> None:
    people = [{"email": one} for one in PEOPLE]
    assert load(sandbox, [schema("profiles", "email"), *records("profiles", people)]).error is None


def messages(told: list[Told]) -> list[Any]:
    declared = [{**CONSENTS, "stream": name} for name in STREAMS]
    return [*declared, *(one for name, row in told for one in records(name, [row]))]


def consents(sandbox: Sandbox) -> dict[str, str]:
    people = (one["attributes"] for one in sandbox.account.resources("profile"))
    return {one["email"]: one["subscriptions"]["email"]["marketing"]["consent"] for one in people}


def test_a_row_that_said_what_had_been_sent_still_has_the_last_word(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    made(sandbox)
    first, last = ({"number": n, "email": PEOPLE[0], "consent": WORDS[1]} for n in "12")
    chosen: dict[str, Any] = {
        "streams": LOGGED,
        "change_store": str(tmp_path / "store"),
        "batch_size_rows": 1,
    }
    done = load(sandbox, [CONSENTS, *records("log", [first, last])], **chosen)
    sent_before = "skipped: the same change was sent before in this run"
    assert done.counts("log") == {"accepted": 1, sent_before: 1}
    edited = [{**first, "consent": WORDS[0]}, last]
    assert load(sandbox, [CONSENTS, *records("log", edited)], **chosen).error is None
    assert consents(sandbox)[PEOPLE[0]] == WORDS[1]
    done = load(sandbox, [CONSENTS, *records("log", edited)], **chosen)
    assert done.counts("log") == {UNCHANGED: 2}


@pytest.mark.parametrize("seed", range(25))
def test_whatever_is_edited_and_however_runs_end(
    sandbox: Sandbox, tmp_path: Path, seed: int
) -> None:
    """Rows of two streams are edited; inputs break off, and Klaviyo refuses to go on."""
    made(sandbox)
    chance = random.Random(seed)  # noqa: S311 - the same cases each time
    told: list[Told] = [
        (name, {"number": str(n), "email": chance.choice(PEOPLE), "consent": chance.choice(WORDS)})
        for name in STREAMS
        for n in range(chance.randint(1, 5))
    ]
    if chance.random() < 0.5:
        chance.shuffle(told)
    for run in range(6):
        chance.choice(told)[1]["consent"] = chance.choice(WORDS)
        whole = run == 5 or chance.random() < 0.6
        part = told if whole else told[: chance.randint(1, len(told))]
        if run < 5 and chance.random() < 0.3:
            verb = chance.choice(["subscribe", "unsubscribe"])
            sandbox.faults.add(f"bulk_{verb}_profiles", "status", status=401)
        done = load(
            sandbox,
            messages(part),
            streams=STREAMS,
            change_store=str(tmp_path / "store"),
            batch_size_rows=chance.choice([1, 2, 10_000]),
        )
        sandbox.faults.clear()
        if whole and done.error is None:
            final = {row["email"]: row["consent"] for _, row in told}
            assert consents(sandbox) == {**consents(sandbox), **final}
