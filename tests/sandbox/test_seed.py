"""The seeded account: repeatable, and full of traps."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from klaviyo_sandbox import ManualClock, Sandbox
from klaviyo_sandbox.kinds import KINDS
from klaviyo_sandbox.seed import plant
from klaviyo_sandbox.seed_copies import COPIES, MOST_KEPT
from klaviyo_sandbox.seed_form import Seed
from klaviyo_sandbox.seed_values import HEX_DIGITS, hex_text, text_of
from klaviyo_sandbox.store import Store


def content(**options: int) -> dict[str, object]:
    COPIES.forget()
    with Sandbox(**options) as sandbox:  # type: ignore[arg-type]
        held: dict[str, object] = {kind: sandbox.account.resources(kind) for kind in KINDS}
        return held


def test_the_same_seed_gives_the_same_account() -> None:
    assert content(seed=3, profiles=40, events=200) == content(seed=3, profiles=40, events=200)
    assert content(seed=3, profiles=40, events=200) != content(seed=4, profiles=40, events=200)


def test_a_small_account_is_copied_as_it_was_when_new() -> None:
    first = content(seed=3, profiles=4, events=20)
    for number in (3, 3, *range(MOST_KEPT), 3):
        with Sandbox(seed=number, profiles=4, events=20) as sandbox:
            held = {kind: sandbox.account.resources(kind) for kind in KINDS}
            assert (held == first) is (number == 3)
            sandbox.account.remove("profile", sandbox.account.ids("profile")[0])


def test_sizes_and_ids() -> None:
    with Sandbox(profiles=40, events=200) as sandbox:
        account = sandbox.account
        assert (account.count("profile"), account.count("event")) == (40, 200)
        lengths = {kind: {len(one) for one in account.ids(kind)} for kind in KINDS}
    assert lengths["profile"] == {26}
    assert lengths["event"] == {11}
    assert lengths["metric"] == lengths["list"] == {6}


def test_traps() -> None:
    with Sandbox(profiles=100, events=2_000) as sandbox:
        account = sandbox.account
        events, profiles = account.resources("event"), account.resources("profile")
        campaigns = account.resources("campaign")
        lists = {one: len(account.members(one)) for one in account.ids("list")}
    moments = [row["attributes"]["datetime"] for row in events]
    assert max(Counter(moments).values()) >= 5
    assert sum("profile" not in row["relationships"] for row in events) == 1
    assert sum("metric" not in row["relationships"] for row in events) == 1
    assert sum(moment > "2027" for moment in moments) == 1
    assert sum(" " in moment for moment in moments) == 3
    assert any(row["attributes"]["location"] is None for row in profiles)
    assert all("anonymous_id" in row["attributes"] for row in profiles)
    consents = [row["attributes"]["subscriptions"]["email"]["marketing"] for row in profiles]
    assert any(" " in (one["consent_timestamp"] or "") for one in consents)
    assert any(one["suppression"] for one in consents)
    by_update = [row["attributes"]["updated_at"] for row in campaigns]
    assert by_update != sorted(by_update)
    assert 0 in lists.values()
    assert max(lists.values()) > 20


def test_without_traps_every_event_is_whole() -> None:
    with Sandbox(profiles=20, events=300, traps=False) as sandbox:
        events = sandbox.account.resources("event")
        profiles = sandbox.account.resources("profile")
    assert all({"profile", "metric"} <= set(row["relationships"]) for row in events)
    assert not any(" " in row["attributes"]["datetime"] for row in events)
    assert not any("anonymous_id" in row["attributes"] for row in profiles)


def test_events_have_about_the_size_that_was_asked_for() -> None:
    for size in (1_000, 3_000):
        with Sandbox(profiles=5, events=50, event_bytes=size) as sandbox:
            texts = [len(str(row)) for row in sandbox.account.resources("event")]
        assert abs(sum(texts) / len(texts) - size) < 400


@settings(deadline=None)
@given(st.integers(), st.integers(1, 64))
def test_sixteen_digits_from_one_draw_are_those_of_many(seed: int, length: int) -> None:
    at_once, one_by_one = Random(seed), Random(seed)  # noqa: S311 - repeatable, not secret
    assert hex_text(at_once, length) == text_of(one_by_one, HEX_DIGITS, length)
    assert at_once.random() == one_by_one.random()


def test_a_seeded_account_has_every_index_of_an_empty_one() -> None:
    empty, seeded = Store(), Store()
    plant(seeded, Seed(profiles=3, events=50))
    statement = "SELECT name, sql FROM sqlite_master ORDER BY name"
    assert seeded.all(statement) == empty.all(statement)
    empty.close()
    seeded.close()


def test_a_database_file_is_continued(tmp_path: Path) -> None:
    path = str(tmp_path / "account.sqlite")
    with Sandbox(profiles=5, events=10, db=path) as sandbox:
        sandbox.account.put("list", "MYLIST", {"name": "Mine"})
        before = sandbox.account.ids("event")
    with Sandbox(profiles=99, events=99, db=path) as sandbox:
        assert sandbox.account.ids("event") == before
        assert sandbox.account.resource("list", "MYLIST")["attributes"] == {"name": "Mine"}


def test_a_database_file_that_others_began_is_filled(tmp_path: Path) -> None:
    """Its pages stay as large as they are, and SQLite copies only where both have the same."""
    path = str(tmp_path / "account.sqlite")
    with closing(sqlite3.connect(path)) as begun:
        begun.execute("PRAGMA page_size = 4096")
        begun.execute("CREATE TABLE theirs (id)")
    with Sandbox(profiles=5, events=10, db=path) as sandbox:
        assert len(sandbox.account.ids("event")) == 10


def test_what_tests_put_in_is_served() -> None:
    clock = ManualClock()
    with Sandbox(profiles=3, events=0, clock=clock) as sandbox:
        account = sandbox.account
        group, who = account.ids("list")[-1], account.ids("profile")[0]
        account.put("tag", "TAG", {"name": "t"}, columns={"tag_group_id": "g"})
        account.put("list", "MYLIST", {"name": "Mine"}, links={"tags": ["TAG"]})
        account.add_members("list", "MYLIST", {who: "2026-01-01T00:00:00+00:00"})
        assert account.members("MYLIST") == {who: "2026-01-01T00:00:00+00:00"}
        tags = account.resource("list", "MYLIST")["relationships"]["tags"]["data"]
        assert tags == [{"type": "tag", "id": "TAG"}]
        account.remove("profile", who)
        assert account.members("MYLIST") == {}
        assert group in account.ids("list")
