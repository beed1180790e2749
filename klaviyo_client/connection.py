"""A client from settings: what tap and target call the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

import msgspec

from klaviyo_client.auth import Credentials, OAuth, OAuthCredentials, PrivateKey
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import ClientSettings
from klaviyo_client.clock import Clock, SystemClock
from klaviyo_client.early import EarlyAnswers
from klaviyo_client.errors import ConfigurationError
from klaviyo_client.filters import nearest
from klaviyo_client.operations import facts_revision

REVISION = re.compile(r"20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(\.pre)?")
OAUTH_FIELDS = ("client_id", "client_secret", "refresh_token", "access_token")
# How much of two names is the same where one is taken for a slip of the other; 1 is all.
ALMOST = 0.8


def connected(
    config: Mapping[str, Any], program: str, version: str, early: EarlyAnswers | None = None
) -> KlaviyoClient:
    """The client that a program's settings describe.

    Args:
        config: `api_url`, `revision`, `max_wait_seconds`, `max_tries`, `user_agent`, and `api_key`
            or `oauth`.
        program: `tap-klaviyo` or `target-klaviyo`.
        version: The program's version.
        early: What has been asked for already.

    Raises:
        ConfigurationError: the settings cannot be used.
    """
    if not REVISION.fullmatch(config["revision"]):
        raise ConfigurationError(f"revision must be a date such as {facts_revision()}")
    settings = ClientSettings(
        base_url=config["api_url"],
        revision=config["revision"],
        user_agent=config.get("user_agent") or f"{program}/{version}",
        max_wait_seconds=float(config["max_wait_seconds"]),
        max_tries=config["max_tries"],
    )
    clock = SystemClock()
    client = KlaviyoClient(credentials(config, program, clock), settings, clock=clock)
    client.early = early
    return client


def credentials(config: Mapping[str, Any], program: str, clock: Clock) -> Credentials:
    """The key or OAuth tokens to use.

    Raises:
        ConfigurationError: there are none, or both.
    """
    key, oauth = config.get("api_key"), config.get("oauth")
    if key and oauth:
        raise ConfigurationError("set either api_key or oauth, not both")
    if oauth:
        tokens = OAuthCredentials(*(oauth.get(name) for name in OAUTH_FIELDS))
        return OAuth(tokens, config["api_url"].rstrip("/"), clock=clock)
    if not key:
        variable = program.upper().replace("-", "_") + "_API_KEY"
        raise ConfigurationError(
            "the setting api_key is missing: give a private API key (starts with pk_), "
            f"for example in the environment variable {variable}",
        )
    return PrivateKey(str(key).strip())


def check_names(config: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse settings that do not exist.

    Raises:
        ConfigurationError: with one line for each.
    """
    errors = [
        f"unknown setting {name!r}{nearest(name, known)}" for name in config if name not in known
    ]
    if errors:
        raise ConfigurationError("\n".join(errors))


def check_environment(
    environ: Mapping[str, str], program: str, properties: Mapping[str, Mapping[str, Any]]
) -> None:
    """Refuse environment variables that would be read as something else than they say.

    The Singer SDK takes every word but a few as false, `dry_run` for one.

    Raises:
        ConfigurationError: with one line for each.
    """
    prefix = program.upper().replace("-", "_") + "_"
    errors = []
    for name, part in properties.items():
        text = environ.get(prefix + name.upper())
        form = next((FORMS[kind] for kind in part.get("type", ()) if kind in FORMS), None)
        if text is not None and form and not form.fits(text):
            hint = "" if text else "; unset it where it is to say nothing"
            errors.append(f"the environment variable {prefix}{name.upper()} is {form.words}{hint}")
    if errors:
        raise ConfigurationError("\n".join(errors))


def misspelt(environ: Iterable[str], program: str, properties: Collection[str]) -> Iterator[str]:
    """Words on environment variables that are almost a setting's.

    Others may be Meltano's (TAP_KLAVIYO__STATE) or the SDK's own (TAP_KLAVIYO_LOG_CONFIG).
    """
    prefix = program.upper().replace("-", "_") + "_"
    for variable in environ:
        name = variable.removeprefix(prefix).lower()
        if not variable.startswith(prefix) or name.startswith("_") or name in properties:
            continue
        for close in get_close_matches(name, properties, n=1, cutoff=ALMOST):
            yield f"the environment variable {variable} is no setting (did you mean {close!r}?)"


def is_json(kind: type, text: str) -> bool:
    """Whether a text is a JSON object or list."""
    try:
        return isinstance(msgspec.json.decode(text), kind)
    except msgspec.DecodeError:
        return False


@dataclass(frozen=True, slots=True)
class Form:
    """How the text of an environment variable must look."""

    fits: Callable[[str], object]
    words: str


FORMS: Mapping[str, Form] = {
    "boolean": Form(
        re.compile(r"(?i)true|false|1|0|yes|no|on|off|").fullmatch, "neither true nor false"
    ),
    "integer": Form(re.compile(r"-?\d+").fullmatch, "no whole number"),
    "object": Form(partial(is_json, dict), "no JSON object"),
    "array": Form(partial(is_json, list), "no JSON list"),
}


def without_secret(message: str) -> str:
    """A validation message, unless it is about a secret, whose value it would quote."""
    for name in ("api_key", "oauth"):
        if f"config['{name}']" in message:
            return f"the setting {name} is malformed; see the README for its form"
    return message
