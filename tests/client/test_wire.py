from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from klaviyo_client.errors import (
    ApiError,
    AuthenticationError,
    BrokenDocumentError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    InvalidRequestError,
    NotFoundError,
    PaginationError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
)
from klaviyo_client.operations import operations
from klaviyo_client.retry import worth_retrying
from klaviyo_client.wire import (
    Answer,
    base_address,
    check_answer,
    check_body,
    next_address,
    read_page,
    request_address,
)

KLAVIYO = "https://a.klaviyo.com"


def refused(status: int, *errors: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, headers or {}, json.dumps({"errors": errors}).encode())


def error_of(answer: Answer) -> ApiError:
    with pytest.raises(ApiError) as caught:
        check_answer(answer, "get_profiles", ("profiles:read",))
    return caught.value


@pytest.mark.parametrize(
    "url",
    [KLAVIYO, "http://127.0.0.1:8099", "http://localhost", "http://[::1]:1", "HTTP://LOCALHOST"],
)
def test_addresses_that_are_safe_for_the_key(url: str) -> None:
    assert base_address(url + "/") == url


@pytest.mark.parametrize(
    "url",
    [
        "a.klaviyo.com",
        "ftp://a.klaviyo.com",
        "",
        "https://",
        "https://[::1",
        "https://a.klaviyo.com:port",
        "http://a.klaviyo.com",
        "http://127.0.0.1.example.org",
        "http://10.0.0.1",
        "https://user:secret@a.klaviyo.com",
        "https://secret@a.klaviyo.com",
        "https://a.klaviyo.com?x=1",
        "https://a.klaviyo.com#x",
    ],
)
def test_other_addresses_are_refused_by_the_settings_name(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^api_url ") as caught:
        base_address(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("operation_id", sorted(operations()))
def test_every_operation_can_be_addressed(operation_id: str) -> None:
    path = operations()[operation_id].path
    names = [name for name in ("id", "job_id") if "{" + name + "}" in path]

    address = request_address(KLAVIYO, path, dict.fromkeys(names, "X1"), {})

    assert address == KLAVIYO + path.replace("{id}", "X1").replace("{job_id}", "X1")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a/b", "a%2Fb"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("../x", "..%2Fx"),
        ("$email:::$x", "%24email%3A%3A%3A%24x"),
        ("{id}", "%7Bid%7D"),
        ("é", "%C3%A9"),
    ],
)
def test_path_values_are_escaped(value: str, written: str) -> None:
    address = request_address(KLAVIYO, "/api/things/{id}/parts", {"id": value}, {})
    assert address == f"{KLAVIYO}/api/things/{written}/parts"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_path_values_that_would_lead_elsewhere_are_refused(value: str) -> None:
    with pytest.raises(InvalidRequestError):
        request_address(KLAVIYO, "/api/things/{id}", {"id": value}, {})


def test_a_path_without_its_value_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="needs a value for each"):
        request_address(KLAVIYO, "/api/things/{id}", {}, {})


def test_parameters_are_escaped() -> None:
    parameters = {"filter": 'equals(email,"a+b@example.org")', "page[size]": "10"}
    assert request_address(KLAVIYO, "/api/things", {}, parameters) == (
        f"{KLAVIYO}/api/things"
        "?filter=equals%28email%2C%22a%2Bb%40example.org%22%29&page%5Bsize%5D=10"
    )


@pytest.mark.parametrize(
    "link",
    [
        f"{KLAVIYO}/api/events/?page%5Bcursor%5D=a%2Bb&sort=datetime",
        "https://A.Klaviyo.com:443/api/events?page[cursor]=x",
    ],
)
def test_a_next_link_is_followed_verbatim(link: str) -> None:
    assert next_address(KLAVIYO, link, set()) == link


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/events",
        "http://a.klaviyo.com/api/events",
        "https://a.klaviyo.com:8443/api/events",
        "https://a.klaviyo.com@evil.example/",
        "https://a.klaviyo.com\\@evil.example/",
        "//evil.example/",
        "/api/events?page[cursor]=x",
        "https://[",
        "",
    ],
)
def test_a_next_link_to_anywhere_else_is_refused(link: str) -> None:
    with pytest.raises(PaginationError, match="leads to another host"):
        next_address(KLAVIYO, link, set())


def test_a_next_link_that_was_followed_before_is_refused() -> None:
    seen = {hash(f"{KLAVIYO}/api/events")}
    next_address(KLAVIYO, f"{KLAVIYO}/api/events?page[cursor]=x", seen)

    for link in (f"{KLAVIYO}/api/events?page[cursor]=x", f"{KLAVIYO}/api/events"):
        with pytest.raises(PaginationError, match="repeats"):
            next_address(KLAVIYO, link, seen)


@pytest.mark.parametrize(
    ("body", "following"),
    [
        (b'{"data":[]}', None),
        (b'{"data":[],"links":null}', None),
        (b'{"data":[],"links":{"self":"x"}}', None),
        (b'{"data":[],"links":{"next":null}}', None),
        (
            b'{"data":[],"links":{"prev":"<Filters: any(id,[])>","next":"https://x/y"}}',
            "https://x/y",
        ),
        (b'{"data":[],"links":{"prev":7,"next":"https://x/y"},"meta":{"new":1}}', "https://x/y"),
    ],
)
def test_the_next_link_of_a_page(body: bytes, following: str | None) -> None:
    assert read_page(Answer(200, {}, body), "get_things").next == following


def test_resources_of_a_page_stay_as_they_came() -> None:
    page = read_page(Answer(200, {}, b'{"data":[{"id": 1.50}],"included":[ ]}'), "get_things")
    assert (bytes(page.data), bytes(page.included or b"")) == (b'[{"id": 1.50}]', b"[ ]")


@pytest.mark.parametrize(
    "body", [b"", b'{"data":[{"id":"a', b"<html>", b"[]", b"null", b'{"errors":[]}']
)
def test_what_is_no_whole_page_is_a_failed_connection(body: bytes) -> None:
    with pytest.raises(ConnectionFailedError, match="get_things") as caught:
        read_page(Answer(200, {}, body), "get_things")
    assert caught.value.sent


def test_a_cut_off_json_body_is_a_failed_connection() -> None:
    headers = {"content-type": "application/vnd.api+json; charset=utf-8"}
    with pytest.raises(ConnectionFailedError):
        check_body(Answer(200, headers, b'{"data":{"id":"a'), "get_profile")


@pytest.mark.parametrize(
    ("kind", "body"),
    [("application/json", b""), ("application/json", b'{"a":1}'), ("text/csv", b"a,b"), ("", b"{")],
)
def test_other_bodies_pass(kind: str, body: bytes) -> None:
    answer = Answer(200, {"content-type": kind}, body)
    assert check_body(answer, "get_profile") is answer


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_passed_on(status: int) -> None:
    answer = Answer(status, {}, b"{}")
    assert check_answer(answer, "get_profiles", ()) is answer


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, ApiError),
        (400, ApiError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (405, ApiError),
        (409, ConflictError),
        (410, ApiError),
        (413, PayloadTooLargeError),
        (415, ApiError),
        (429, RateLimitedError),
        (500, ServerError),
        (503, ServerError),
        (524, ServerError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[ApiError]) -> None:
    error = error_of(refused(status, {"code": "invalid"}))
    assert type(error) is kind
    assert error.status == status


@pytest.mark.parametrize("body", [b"<html>Just a moment...</html>", b"", b'{"message":"no"}'])
def test_a_403_that_is_not_klaviyos_is_an_intermediarys(body: bytes) -> None:
    error = error_of(Answer(403, {"content-type": "text/html"}, body))
    assert type(error) is ServerError
    assert "something on the way to Klaviyo refused get_profiles (403" in str(error)
    assert "scope" not in str(error)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    error = error_of(refused(429, {"code": "throttled"}, headers={"retry-after": value}))
    assert error.retry_after == seconds


def test_details_are_kept_but_not_shown() -> None:
    error = error_of(
        refused(
            400,
            {
                "id": "e1",
                "code": "invalid",
                "title": "Invalid input.",
                "detail": "jo@example.org is no email",
                "source": {"pointer": "/data/attributes/email"},
            },
            {"code": "invalid", "detail": "+15550001", "source": {"parameter": "filter"}},
        )
    )
    assert str(error) == (
        "Klaviyo answered 400 (invalid) at /data/attributes/email, filter to get_profiles"
    )
    assert "example.org" not in f"{error!r} {error.args}"
    assert error.errors[0].detail == "jo@example.org is no email"
    assert (error.errors[0].id, error.errors[0].pointer) == ("e1", "/data/attributes/email")
    assert b"jo@example.org" in error.body


def test_a_conflict_names_the_other_profile() -> None:
    error = error_of(
        refused(409, {"code": "duplicate_profile", "meta": {"duplicate_profile_id": "01HX"}})
    )
    assert isinstance(error, ConflictError)
    assert error.duplicate_profile_id == "01HX"


@pytest.mark.parametrize(
    "entry",
    [
        {"source": {"pointer": 7}},
        {"source": {"parameter": ["filter"]}},
        {"source": "filter", "meta": []},
        {"code": None, "id": 9, "meta": {"duplicate_profile_id": 1}},
        "text",
        None,
    ],
)
def test_an_odd_entry_does_not_break_the_error(entry: Any) -> None:
    body = json.dumps({"errors": [entry]}).encode()
    assert "400" in str(error_of(Answer(400, {}, body)))


@given(
    st.sampled_from([400, 401, 403, 409, 429, 500]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["errors", "code", "source", "pointer", "meta"]), inner, max_size=4
            )
        ),
        max_leaves=15,
    ),
)
def test_no_error_body_breaks_the_error(status: int, body: Any) -> None:
    assert error_of(Answer(status, {}, json.dumps(body).encode())).status == status
    assert error_of(Answer(status, {}, json.dumps({"errors": body}).encode())).status == status


def test_a_compressed_body_is_inflated() -> None:
    sent = gzip.compress(b'{"data": 1}')
    answer = Answer(200, {"content-encoding": "gzip"}, sent)
    assert answer.body == b'{"data": 1}'
    assert answer.json() == {"data": 1}
    assert Answer(204, {"content-encoding": "gzip"}, b"").body == b""
    members = gzip.compress(b'{"data":') + gzip.compress(b" 1}") + b"\0\0"
    assert Answer(200, {"content-encoding": "gzip"}, members).json() == {"data": 1}


@pytest.mark.parametrize(
    "sent",
    [gzip.compress(b"x" * 99)[:-9], gzip.compress(b"x" * 99)[:-8] + b"\0" * 8, b"plain"],
    ids=["cut off", "wrong sum", "not gzip"],
)
def test_what_is_no_whole_gzip_file_is_worth_another_try(sent: bytes) -> None:
    answer = Answer(200, {"content-encoding": "gzip"}, sent)
    with pytest.raises(BrokenDocumentError, match="gzip file") as caught:
        read_page(answer, "get_things")
    assert worth_retrying(caught.value, repeat_safe=True)
