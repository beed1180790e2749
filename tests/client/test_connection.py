from __future__ import annotations

from typing import Any

import pytest

from klaviyo_client.auth import OAuth, PrivateKey
from klaviyo_client.clock import SystemClock
from klaviyo_client.connection import (
    check_environment,
    check_names,
    connected,
    credentials,
    misspelt,
    without_secret,
)
from klaviyo_client.errors import ConfigurationError
from tap_klaviyo.settings import SETTINGS

CONFIG: dict[str, Any] = {
    "api_url": "http://127.0.0.1:9",
    "revision": "2026-07-15",
    "max_wait_seconds": 30,
    "max_tries": 3,
    "api_key": " pk_x\n",
}
TOKENS = {"client_id": "a", "client_secret": "b", "refresh_token": "c"}


def test_a_client_is_made_from_the_settings() -> None:
    with connected(CONFIG, "tap-klaviyo", "1.2.3") as client:
        assert client.settings.base_url == "http://127.0.0.1:9"
        assert client.settings.user_agent == "tap-klaviyo/1.2.3"
        assert (client.settings.max_wait_seconds, client.settings.max_tries) == (30.0, 3)
    with connected(CONFIG | {"user_agent": "ours"}, "tap-klaviyo", "1.2.3") as client:
        assert client.settings.user_agent == "ours"


def test_a_key_or_tokens_but_not_both() -> None:
    assert credentials(CONFIG, "tap-klaviyo", SystemClock()) == PrivateKey("pk_x")
    only_tokens = CONFIG | {"api_key": None, "oauth": TOKENS}
    assert isinstance(credentials(only_tokens, "tap-klaviyo", SystemClock()), OAuth)
    with pytest.raises(ConfigurationError, match="either api_key or oauth"):
        credentials(CONFIG | {"oauth": TOKENS}, "tap-klaviyo", SystemClock())
    with pytest.raises(ConfigurationError, match="TARGET_KLAVIYO_API_KEY"):
        credentials(CONFIG | {"api_key": ""}, "target-klaviyo", SystemClock())


def test_unknown_settings_are_named_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_names({"api_kye": 1, "zzz": 2, "revision": 3}, ["api_key", "revision"])
    assert str(caught.value).splitlines() == [
        "unknown setting 'api_kye' (did you mean 'api_key'?)",
        "unknown setting 'zzz'",
    ]


def test_messages_about_secrets_do_not_quote_them() -> None:
    assert "pk_" not in without_secret("'pk_1' is not of type 'object' in config['oauth']")
    assert without_secret("5 is too many in config['max_tries']").startswith("5 is too many")


PROPERTIES = {
    "dry_run": {"type": ["boolean", "null"]},
    "max_tries": {"type": ["integer", "null"]},
    "streams": {"type": ["object", "null"]},
    "api_url": {"type": ["string", "null"]},
    "reports": {"type": ["array", "null"]},
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DRY_RUN", "y"),
        ("DRY_RUN", "maybe"),
        ("MAX_TRIES", "many"),
        ("STREAMS", "{bad"),
        ("REPORTS", "{}"),
    ],
)
def test_an_environment_variable_that_would_be_misread_is_refused(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"TARGET_KLAVIYO_{name} is n") as caught:
        check_environment({f"TARGET_KLAVIYO_{name}": text}, "target-klaviyo", PROPERTIES)
    assert text not in str(caught.value)


@pytest.mark.parametrize("name", ["MAX_TRIES", "STREAMS", "REPORTS"])
def test_an_empty_environment_variable_is_named(name: str) -> None:
    words = rf"TARGET_KLAVIYO_{name} is no .*; unset it where it is to say nothing"
    with pytest.raises(ConfigurationError, match=words):
        check_environment({f"TARGET_KLAVIYO_{name}": ""}, "target-klaviyo", PROPERTIES)


def test_environment_variables_that_say_what_they_mean_are_taken() -> None:
    environ = {
        "TARGET_KLAVIYO_DRY_RUN": "True",
        "TARGET_KLAVIYO_MAX_TRIES": "3",
        "TARGET_KLAVIYO_STREAMS": "{}",
        "TARGET_KLAVIYO_API_URL": "",
        "TARGET_KLAVIYO_REPORTS": "[]",
        "OTHER": "y",
    }
    check_environment(environ, "target-klaviyo", PROPERTIES)


def test_variables_that_are_like_a_setting_are_told_of() -> None:
    words = ("START_DAT", "START_DATE", "_STATE", "LOGLEVEL", "LOG_LEVEL", "LOG_CONFIG")
    environ = [*(f"TAP_KLAVIYO_{word}" for word in words), "TARGET_KLAVIYO_START_DAT", "START_DAT"]
    found = list(misspelt(environ, "tap-klaviyo", SETTINGS["properties"]))
    assert found == [
        "the environment variable TAP_KLAVIYO_START_DAT is no setting (did you mean 'start_date'?)",
    ]


@pytest.mark.parametrize("revision", ["latest", "2026-13-99", "2026-7-15", ""])
def test_a_revision_is_a_date(revision: str) -> None:
    with pytest.raises(ConfigurationError, match="revision must be a date such as 20"):
        connected(CONFIG | {"revision": revision}, "tap-klaviyo", "1.2.3")
