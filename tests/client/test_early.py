"""Answers that were asked for before there was a client."""

from __future__ import annotations

import pytest

from klaviyo_client.auth import PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.early import EarlyAnswers
from klaviyo_client.query import Query
from klaviyo_sandbox import Sandbox
from tests.client.conftest import FakeClock

PAGE = Query(page_size=5)


def early_client(sandbox: Sandbox, early: EarlyAnswers, agent: str = "shop") -> KlaviyoClient:
    """A client that may take those answers."""
    settings = ClientSettings(base_url=sandbox.url, user_agent=agent)
    client = KlaviyoClient(PrivateKey("pk_test"), settings, clock=FakeClock())
    client.early = early
    return client


def asked(sandbox: Sandbox, key: str = "pk_test") -> EarlyAnswers:
    """The first page of profiles, asked for."""
    settings = ClientSettings(base_url=sandbox.url, user_agent="shop")
    early = EarlyAnswers(settings, PrivateKey(key), clock=FakeClock())
    early.ask("get_profiles", PAGE, {})
    return early


def test_an_answer_is_taken_once_and_the_rest_is_asked_for() -> None:
    with Sandbox(profiles=12, limits=False) as sandbox:
        early = asked(sandbox)
        with early_client(sandbox, early) as client:
            again = [page.data for page in client.pages("get_profiles", PAGE)]
            assert len(sandbox.requests) == 3
            assert [page.data for page in client.pages("get_profiles", PAGE)] == again
        assert len(sandbox.requests) == 6


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "reset"}], ids=str)
def test_what_failed_early_is_tried_again(fault: dict[str, str]) -> None:
    with Sandbox(profiles=3, limits=False) as sandbox:
        sandbox.faults.add(operation="get_profiles", **fault)
        early = asked(sandbox)
        with early_client(sandbox, early) as client:
            assert client.get("get_profiles", PAGE).status == 200
        assert len(sandbox.requests) == 2


@pytest.mark.parametrize(("key", "agent"), [("pk_other", "shop"), ("pk_test", "else")])
def test_an_answer_to_somebody_else_is_not_taken(key: str, agent: str) -> None:
    with Sandbox(profiles=3, limits=False) as sandbox:
        early = asked(sandbox, key)
        with early_client(sandbox, early, agent) as client:
            client.get("get_profiles", PAGE)
        assert early.left == 1
