from __future__ import annotations

from klaviyo_client import errors
from klaviyo_client.errors import (
    ApiError,
    AuthenticationError,
    ErrorDetail,
    KlaviyoError,
    PermissionDeniedError,
)


def test_401_names_the_setting() -> None:
    assert str(AuthenticationError("get_lists", 401)) == (
        "Klaviyo does not accept the credentials (401); check the setting api_key "
        "(a private key that starts with pk_) or the oauth credentials"
    )


def test_403_names_the_scopes() -> None:
    denied = (ErrorDetail("permission_denied", "", ""),)
    error = PermissionDeniedError("get_list_profiles", 403, denied, scopes=("lists:read", "x:read"))
    assert str(error) == (
        "the API key may not call get_list_profiles (403); scope needed: lists:read, x:read"
    )


def test_403_of_a_plan_does_not_ask_for_a_scope() -> None:
    error = PermissionDeniedError("get_webhooks", 403, (ErrorDetail("forbidden", "", ""),))
    assert error.plan_missing
    assert str(error) == "the account's Klaviyo plan does not include get_webhooks (403)"


def test_an_answer_without_codes_is_still_a_sentence() -> None:
    assert str(ApiError("get_lists", 415)) == "Klaviyo answered 415 (no error code) to get_lists"


def test_every_error_has_the_one_root() -> None:
    own = [one for one in vars(errors).values() if isinstance(one, type)]
    kinds = [one for one in own if issubclass(one, Exception)]
    assert ApiError in kinds
    assert all(issubclass(one, KlaviyoError) for one in kinds)
