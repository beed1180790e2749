from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from klaviyo_client.call import Terminal, main
from klaviyo_sandbox import Sandbox

if TYPE_CHECKING:
    from tests.client.conftest import FakeClock

LISTS_ONLY = "pk_lists"
RESOURCES = ("accounts", "campaigns", "events", "flows", "lists", "metrics", "profiles")
ALL_SCOPES = [f"{resource}:{verb}" for resource in RESOURCES for verb in ("read", "write")]
COMMAND = [sys.executable, "-m", "klaviyo_client.call"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a user sees of one call."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Call = Callable[..., Outcome]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    keys = {"pk_all": ALL_SCOPES, LISTS_ONLY: ["lists:read"]}
    with Sandbox(profiles=30, events=60, limits=False, keys=keys) as one:
        yield one


@pytest.fixture
def environ(sandbox: Sandbox) -> Iterator[dict[str, str]]:
    yield {"KLAVIYO_API_KEY": "pk_all", "KLAVIYO_API_URL": sandbox.url}
    sandbox.faults.clear()


@pytest.fixture
def call(environ: dict[str, str], clock: FakeClock) -> Call:
    """Run the command in this process."""

    def run(*argv: Any, stdin: str = "", **settings: str) -> Outcome:
        words = [one if isinstance(one, str) else json.dumps(one) for one in argv]
        out, err = io.StringIO(), io.StringIO()
        terminal = Terminal(io.StringIO(stdin), out, err, {**environ, **settings}, clock)
        return Outcome(main(words, terminal), out.getvalue(), err.getvalue())

    return run


def process(environ: dict[str, str], *argv: str, stdin: str = "") -> Outcome:
    """Run the command as a process."""
    done = subprocess.run(
        [*COMMAND, *argv],
        input=stdin,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def some_profile(call: Call) -> Any:
    return call("list-profiles", {"pageSize": 1, "sort": "created"}).json["data"][0]


def test_list_profiles(call: Call, sandbox: Sandbox) -> None:
    email = some_profile(call)["attributes"]["email"]
    found = call("list-profiles", {"filter": f'equals(email,"{email}")', "pageSize": 5})

    assert (found.code, found.err) == (0, "")
    assert [one["attributes"]["email"] for one in found.json["data"]] == [email]
    assert sandbox.requests[-1].parameters == {
        "filter": f'equals(email,"{email}")',
        "page[size]": "5",
    }


def test_list_profiles_sorted(call: Call) -> None:
    found = call("list-profiles", {"sort": "-created", "pageSize": 30})
    created = [one["attributes"]["created"] for one in found.json["data"]]
    assert len(created) > 20
    assert created == sorted(created, reverse=True)


def test_get_profile(call: Call) -> None:
    known = some_profile(call)
    found = call("get-profile", {"id": known["id"]})
    assert found.code == 0
    assert found.json["data"]["attributes"] == known["attributes"]


@pytest.mark.parametrize("whole", [False, True])
def test_create_profile(call: Call, whole: bool) -> None:
    attributes: Any = {"email": f"new-{whole:d}@shop.example.net", "first_name": "Jo"}
    given = {"data": {"type": "profile", "attributes": attributes}} if whole else attributes

    made = call("create-profile", {"attributes": given})

    assert made.code == 0
    assert made.json["data"]["attributes"]["first_name"] == "Jo"
    again = call("get-profile", {"id": made.json["data"]["id"]})
    assert again.json["data"]["attributes"]["email"] == attributes["email"]


def test_update_profile(call: Call) -> None:
    known = some_profile(call)["id"]
    changed = call("update-profile", {"id": known, "attributes": {"first_name": "Zoë"}})
    assert changed.code == 0
    found = call("get-profile", {"id": known}).json["data"]
    assert (found["id"], found["attributes"]["first_name"]) == (known, "Zoë")


def test_list_lists(call: Call, sandbox: Sandbox) -> None:
    found = call("list-lists")
    assert {one["type"] for one in found.json["data"]} == {"list"}
    assert sandbox.requests[-1].path == "/api/lists"


def test_add_profiles_to_list(call: Call) -> None:
    target = call("list-lists").json["data"][0]["id"]
    email = "member@shop.example.net"
    member = call("create-profile", {"attributes": {"email": email}}).json["data"]["id"]

    added = call("add-profiles-to-list", {"listId": target, "profileIds": [member]})

    assert (added.code, added.out, added.err) == (0, "", "")
    path = f"/api/lists/{target}/relationships/profiles?page[size]=100"
    members = call("raw-api-request", {"method": "GET", "path": path}, "--all").rows
    assert member in {one["id"] for one in members}


def test_list_campaigns(call: Call) -> None:
    found = call("list-campaigns", {"filter": "equals(messages.channel,'sms')"})
    assert {one["type"] for one in found.json["data"]} == {"campaign"}


def test_list_campaigns_without_a_channel_shows_how(call: Call, sandbox: Sandbox) -> None:
    asked = len(sandbox.requests)
    assert call("list-campaigns") == Outcome(
        2,
        "",
        "klaviyo-call: Klaviyo answers list-campaigns only with a filter on messages.channel; "
        'for example {"filter": "equals(messages.channel,\'email\')"}\n',
    )
    assert len(sandbox.requests) == asked


def test_list_flows(call: Call) -> None:
    archived = call("list-flows", {"filter": "equals(archived,true)"}).json["data"]
    assert archived
    assert all(one["attributes"]["archived"] for one in archived)


def test_list_events(call: Call) -> None:
    found = call("list-events", {"sort": "-datetime", "pageSize": 3}).json["data"]
    times = [one["attributes"]["timestamp"] for one in found]
    assert len(times) == 3
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    "attributes",
    [
        {"metric": {"name": "Flat"}, "profile": {"email": "a@shop.example.net"}},
        {
            "metric": {"data": {"type": "metric", "attributes": {"name": "Full"}}},
            "profile": {"data": {"type": "profile", "attributes": {"email": "a@shop.example.net"}}},
            "properties": {"size": "L"},
        },
    ],
    ids=["flat", "full"],
)
def test_create_event(call: Call, attributes: Any) -> None:
    moment = "2026-01-02T03:04:05+00:00"
    made = call("create-event", {"attributes": {**attributes, "time": moment, "value": 9.5}})
    assert (made.code, made.out, made.err) == (0, "", "")

    path = "/api/events?filter=greater-or-equal(datetime,2026-01-02T03:04:05Z),"
    path += "less-than(datetime,2026-01-02T03:04:06Z)"
    found = call("raw-api-request", {"method": "GET", "path": path}).json["data"]
    properties = attributes.get("properties", {})
    assert any(
        properties.items() <= one["attributes"]["event_properties"].items()
        and one["attributes"]["event_properties"]["$value"] == 9.5
        for one in found
    )


def test_raw_api_request(call: Call) -> None:
    found = call("raw-api-request", {"method": "get", "path": "/api/accounts"})
    assert [one["type"] for one in found.json["data"]] == ["account"]


def test_raw_api_request_with_a_body(call: Call) -> None:
    body = {"data": {"type": "list", "attributes": {"name": "Raw"}}}
    made = call("raw-api-request", {"method": "POST", "path": "/api/lists", "body": body})
    assert made.code == 0
    assert made.json["data"]["attributes"]["name"] == "Raw"


def test_an_answer_is_printed_as_it_stands() -> None:
    """Klaviyo's own bytes, spaces and number forms included."""
    body = b'{"data": [ {"id":"x", "value":1.50} ]}\n'
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        environ = {**os.environ, "KLAVIYO_API_KEY": "pk_x", "KLAVIYO_API_URL": url}
        with subprocess.Popen([*COMMAND, "list-lists"], env=environ, stdout=-1) as running:
            server.settimeout(60)
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                length = str(len(body)).encode()
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.api+json\r\n"
                    b"Content-Length: " + length + b"\r\n\r\n" + body
                )
                printed, _ = running.communicate(timeout=60)
    assert printed == body


def test_all_prints_one_resource_a_line(call: Call, sandbox: Sandbox) -> None:
    asked = len(sandbox.requests)
    found = call("list-profiles", "--all", {"pageSize": 7, "sort": "id"})

    ids = [one["id"] for one in found.rows]
    assert len(ids) >= 30
    assert ids == sorted(set(ids))
    assert len(sandbox.requests) - asked == -(-len(ids) // 7)


def test_all_follows_a_raw_request_and_prints_a_single_resource_too(call: Call) -> None:
    lists = call("raw-api-request", "--all", {"method": "GET", "path": "/api/lists?page[size]=2"})
    assert len(lists.rows) == len(call("list-lists", "--all").rows)
    path = f"/api/lists/{lists.rows[0]['id']}"
    one = call("raw-api-request", "--all", {"method": "GET", "path": path})
    assert [row["id"] for row in one.rows] == [lists.rows[0]["id"]]


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        ("get-profile", {"id": "01"}),
        ("create-event", {"attributes": {}}),
        ("raw-api-request", {"method": "POST", "path": "/api/lists"}),
    ],
)
def test_all_is_for_pages(call: Call, operation: str, asked: Any) -> None:
    assert call(operation, asked, "--all") == Outcome(
        2, "", "klaviyo-call: --all is for operations that answer pages\n"
    )


def test_the_request_may_come_from_stdin(call: Call) -> None:
    found = call("list-events", "-", stdin='{"pageSize": 2}')
    assert len(found.json["data"]) == 2


def test_a_refusal_prints_klaviyos_answer_and_one_line_without_personal_data(call: Call) -> None:
    attributes = {"email": "twice@shop.example.net"}
    first = call("create-profile", {"attributes": attributes}).json["data"]["id"]
    refused = call("create-profile", {"attributes": attributes})

    assert refused.code == 1
    assert refused.json["errors"][0]["code"] == "duplicate_profile"
    assert refused.json["errors"][0]["meta"]["duplicate_profile_id"] == first
    assert refused.err.startswith("klaviyo-call: Klaviyo answered 409 (duplicate_profile)")
    assert refused.err.count("\n") == 1
    assert "twice" not in refused.err


@pytest.mark.parametrize(
    ("key", "asked", "code", "said"),
    [
        ("sk_wrong", {"pageSize": 1}, "authentication_failed", "check the setting api_key"),
        (LISTS_ONLY, {"pageSize": 1}, "permission_denied", "scope needed: profiles:read"),
    ],
)
def test_a_key_that_may_not(call: Call, key: str, asked: Any, code: str, said: str) -> None:
    refused = call("list-profiles", asked, KLAVIYO_API_KEY=key)
    assert refused.code == 1
    assert refused.json["errors"][0]["code"] == code
    assert said in refused.err
    assert key not in refused.err


def test_a_path_value_stays_one_segment(call: Call, sandbox: Sandbox) -> None:
    assert call("get-profile", {"id": "../lists"}).code == 1
    assert sandbox.requests[-1].operation == "get_profile"
    assert call("get-profile", {"id": ".."}).code == 2
    assert call("get-profile", {"id": ""}).code == 2


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "name an operation; see klaviyo-call --help"),
        (["list-profile"], "unknown operation 'list-profile' (did you mean 'list-profiles'?)"),
        (["list-lists", "{"], "the request is not JSON: "),
        (["list-lists", "jo@example.org"], "the request is not JSON: "),
        (["list-lists", "\udcff"], "the request is not JSON: "),
        (["list-lists", "[1]"], "the request must be a JSON object"),
        (["list-profiles", '{"page": 1}'], "has no request key 'page' (did you mean 'pageSize'?)"),
        (["get-profile"], "get-profile needs the request key 'id'"),
        (["list-profiles", '{"pageSize": 101}'], "page size 101 is outside 1 to 100"),
        (["list-events", '{"sort": "date"}'], "does not know 'date' (did you mean 'datetime'?)"),
        (
            ["list-profiles", '{"filter": "contains(email,\'jo@example.org\')"}'],
            "'contains' is no operator of 'email' in get_profiles; operators: any, equals",
        ),
        (["list-flows", '{"filter": "equals(owner,1)"}'], "cannot be filtered by 'owner'"),
        (["raw-api-request", '{"method":"GET","path":"x"}'], "path must start with one slash"),
        (["list-lists", "--every"], "unknown option --every; see klaviyo-call --help"),
        (["list-lists", "{email:", "jo@example.org}"], "too many arguments"),
        (["list-lists", "--max-wait", "long"], "argument --max-wait: invalid float value"),
        (["list-lists", "--api-url", "http://example.org"], "api_url may use plain http only for"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_sent(
    call: Call, sandbox: Sandbox, argv: list[str], said: str
) -> None:
    asked = len(sandbox.requests)
    refused = call(*argv)

    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert refused.err.count("\n") == 1
    assert "jo@example.org" not in refused.err
    assert len(sandbox.requests) == asked


def test_without_a_key_the_variable_is_named(call: Call) -> None:
    assert call("list-lists", KLAVIYO_API_KEY="") == Outcome(
        2, "", "klaviyo-call: set KLAVIYO_API_KEY to a private API key (it starts with pk_)\n"
    )


def test_a_key_with_a_line_break_is_not_shown(call: Call) -> None:
    refused = call("list-lists", KLAVIYO_API_KEY="pk_secret\n")
    assert refused.code == 2
    assert "pk_secret" not in refused.err


def test_settings_of_the_tap_are_used_where_there_are_no_others(
    sandbox: Sandbox, clock: FakeClock
) -> None:
    out = io.StringIO()
    environ = {
        "TAP_KLAVIYO_API_KEY": "pk_all",
        "TAP_KLAVIYO_API_URL": sandbox.url,
        "TAP_KLAVIYO_REVISION": "2026-04-15",
    }
    assert main(["list-lists"], Terminal(io.StringIO(), out, out, environ, clock)) == 0
    assert sandbox.requests[-1].headers["revision"] == "2026-04-15"


def test_flags_win_over_the_environment(call: Call, sandbox: Sandbox) -> None:
    done = call(
        *("list-lists", "--api-url", sandbox.url, "--revision", "2026-07-15"),
        KLAVIYO_API_URL="http://127.0.0.1:1",
        KLAVIYO_REVISION="2020-01-01",
    )
    assert done.code == 0
    assert sandbox.requests[-1].headers["revision"] == "2026-07-15"
    assert sandbox.requests[-1].headers["user-agent"] == "klaviyo-call"


def test_a_server_that_is_down(call: Call, clock: FakeClock) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        failed = call("list-lists", KLAVIYO_API_URL=url)

    assert (failed.code, failed.out) == (3, "")
    assert f"the connection to {url} for get_lists cannot be reached" in failed.err
    assert sum(clock.slept) < 10


def test_a_rate_limit_that_asks_for_hours(call: Call, sandbox: Sandbox, clock: FakeClock) -> None:
    sandbox.faults.add("get_lists", "status", status=429, retry_after=7200)
    failed = call("list-lists")

    assert (failed.code, failed.out) == (3, "")
    assert "asks to wait 7200 s, more than max_wait_seconds (60)" in failed.err
    assert clock.slept == []


def test_max_wait_may_be_longer(call: Call, sandbox: Sandbox, clock: FakeClock) -> None:
    sandbox.faults.add("get_lists", "status", status=429, retry_after=7200)
    assert call("list-lists", "--max-wait", "10000").code == 0
    assert clock.now >= 8200


@pytest.mark.parametrize("kind", ["reset", "truncated", "html_403"])
def test_passing_trouble_is_not_seen(call: Call, sandbox: Sandbox, kind: str) -> None:
    sandbox.faults.add("get_lists", kind)
    assert call("list-lists").code == 0
    assert sandbox.faults.met() == 1


def test_an_event_whose_answer_was_lost_is_not_sent_twice(call: Call, sandbox: Sandbox) -> None:
    sandbox.faults.add("create_event", "lost_response")
    asked = len(sandbox.requests)
    attributes = {"metric": {"name": "Once"}, "profile": {"email": "a@shop.example.net"}}

    failed = call("create-event", {"attributes": attributes})

    assert failed.code == 3
    assert "for create_event broke off" in failed.err
    assert len(sandbox.requests) - asked == 1


def test_an_update_whose_answer_was_lost_is_sent_again(call: Call, sandbox: Sandbox) -> None:
    sandbox.faults.add("update_profile", "lost_response")
    known = some_profile(call)["id"]
    changed = call("update-profile", {"id": known, "attributes": {"last_name": "Ito"}})

    assert changed.code == 0
    assert changed.json["data"]["attributes"]["last_name"] == "Ito"
    assert sandbox.faults.met() == 1


def test_a_repeated_cursor_ends_the_pages(call: Call, sandbox: Sandbox) -> None:
    sandbox.faults.add("get_profiles", "repeated_cursor", times=9)
    failed = call("list-profiles", {"pageSize": 5}, "--all")
    assert failed.code == 3
    assert "a next link repeats" in failed.err


def test_help_lists_the_operations_with_their_keys(call: Call) -> None:
    shown = call("--help", KLAVIYO_API_KEY="")
    assert shown.code == 0
    assert "  add-profiles-to-list  listId*, profileIds*\n" in shown.out
    assert "  list-lists            none\n" in shown.out
    assert "KLAVIYO_API_KEY" in shown.out
    assert "--api-key" not in shown.out


def test_the_command_as_a_process(environ: dict[str, str]) -> None:
    found = process(environ, "list-lists", "--all")
    assert (found.code, found.err) == (0, "")
    assert {one["type"] for one in found.rows} == {"list"}

    read = process(environ, "list-profiles", "-", stdin='{"pageSize": 1}')
    assert len(read.json["data"]) == 1
    assert process(environ, "get-profile", '{"id": "nobody"}').code == 1
    assert process(environ, "nothing").code == 2


def test_a_reader_that_stops_early_is_no_error(environ: dict[str, str]) -> None:
    """As in `klaviyo-call list-events --all | head -1`."""
    with subprocess.Popen(
        [*COMMAND, "list-events", "--all", '{"pageSize": 1}'],
        env={**os.environ, **environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.readline().startswith(b"{")
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(timeout=60) == 0
