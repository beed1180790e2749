"""Change-only syncing: which rows of a stream Klaviyo has accepted as they are.

A row counts as unchanged where the row of the same key was the last that Klaviyo accepted, came
with the same content, was read the same way, and went to the same account. What has been edited
or deleted in Klaviyo since then does not show: delete the file to send everything again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from klaviyo_client.client import KlaviyoClient
from klaviyo_client.errors import ConfigurationError, PermissionDeniedError
from klaviyo_client.query import Query
from target_klaviyo.change_store import ChangeStore
from target_klaviyo.items import CANONICAL, Item
from target_klaviyo.last_words import LastWords, word_mark
from target_klaviyo.mapping import StreamMapping
from target_klaviyo.outcomes import Outcome
from target_klaviyo.plans import Settled

UNCHANGED = Outcome("skipped", "unchanged")
# The number of a row's key, and the digest of everything that it says.
Fingerprint = tuple[int, bytes]
# Settings that change how rows travel, not what they say; a change of any other one, known or
# not, makes all rows count as changed.
WITHOUT_EFFECT = frozenset(
    {
        "api_key",
        "api_url",
        "batch_size_rows",
        "change_store",
        "create_lists",
        "dead_letter_path",
        "dry_run",
        "job_timeout_seconds",
        "max_errors",
        "max_parallel_requests",
        "max_tries",
        "max_wait_seconds",
        "oauth",
        "on_error",
        "on_unknown_stream",
        "receipts_path",
        "streams",
        "user_agent",
    }
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a fingerprint holds for, beside the row; all are digests.

    Attributes:
        place: Account and stream: keys of another place are other keys.
        shared: Account and sink: what its streams say, they say of the same people and things.
        reading: Everything else that decides what a row becomes on the wire.
    """

    place: bytes
    shared: bytes
    reading: bytes


class StreamChanges:
    """The rows of one stream, against what the store remembers."""

    def __init__(
        self, store: ChangeStore, scope: Scope, keys: Sequence[str], last_words: LastWords
    ) -> None:
        """Tell rows apart by the key properties `keys`; `last_words` are those of all streams."""
        self._store = store
        self._scope = scope
        self._keys = keys
        # By row number: key and mark of a row, and what it has a word on.
        self._pending: dict[int, tuple[int, bytes, tuple[int, ...]]] = {}
        self._under_way: set[int] = set()
        self._last_words = last_words

    def fingerprint(self, record: Mapping[str, Any]) -> Fingerprint | None:
        """What a row is known by; None where it lacks one of its keys, or its stream has none."""
        values = [record.get(key) for key in self._keys]
        if not values or None in values or "" in values:
            return None
        key = self._store.key(self._scope.place + CANONICAL.encode(values))
        return key, self._store.mark(self._scope.reading + CANONICAL.encode(record))

    def look_up(self, keys: Sequence[int]) -> None:
        """Look many keys up at once, before `held` is asked about each of them."""
        self._store.look_up(keys)

    def held(self, fingerprint: Fingerprint) -> bool:
        """Whether Klaviyo has this row already.

        A key that is under way in this batch is never unchanged: what counts is what comes last.
        Nor is one that a row before it challenges.
        """
        key, mark = fingerprint
        if key in self._under_way or self._store.known(key) != mark:
            return False
        if self._last_words.challenged(key):
            return False
        self._last_words.met(key)
        return True

    def unchanged(self, record: Mapping[str, Any], number: int) -> bool:
        """Whether Klaviyo has this row already; if not, it is noted under its row number."""
        fingerprint = self.fingerprint(record)
        if fingerprint is None:
            return False
        if self.held(fingerprint):
            return True
        self._pending[number] = *fingerprint, ()
        self._under_way.add(fingerprint[0])
        self._last_words.met(fingerprint[0])
        return False

    def challenge(self, item: Item, number: int) -> None:
        """Let the row that had the last word on something have it again, if it is still to come.

        A row is about to be sent; what another row, unchanged, says of the same person or thing
        would otherwise be overwritten: a withdrawal by the subscription before it.
        """
        words = tuple(map(self._last_word, item.overwritable))
        own = None
        if number in self._pending:
            own, mark, _ = self._pending[number]
            self._pending[number] = own, mark, words
        self._last_words.say(words, own)

    def _last_word(self, subject: str) -> int:
        """The number under which the row is kept that had the last word on something."""
        return self._store.key(self._scope.shared + b"\0" + subject.encode())

    def sending(self) -> None:
        """Forget what is about to be sent: until Klaviyo has answered, nobody knows what it has."""
        self._store.forget(self._under_way | self._last_words.to_forget())

    def settled(self, settled: Iterable[Settled]) -> None:
        """Remember what was accepted, of each key the latest; nothing where it is in doubt."""
        ended = {row.number: one for one in settled for row in one.item.rows}
        marks: dict[int, bytes] = {}
        doubtful: set[int] = set()
        for number, (key, mark, words) in self._pending.items():
            one = ended.get(number)
            if one is None:
                continue
            if one.outcome.kind == "accepted" or one.outcome.held:
                marks |= {**dict.fromkeys(words, word_mark(key)), key: mark}
            elif one.outcome.kind == "unknown":
                doubtful.add(key)
        for key in doubtful & marks.keys():
            del marks[key]
        self._store.remember(marks)
        self._pending.clear()
        self._under_way.clear()


class Changes:
    """What the setting `change_store` keeps, for all streams of a run."""

    def __init__(self, client: KlaviyoClient, config: Mapping[str, Any], version: str) -> None:
        """Ask Klaviyo and open the file only once a stream needs them; `version` is our own."""
        self._client = client
        self._config = config
        self._version = version

    def of(
        self, mapping: StreamMapping, sources: Mapping[str, str], keys: Sequence[str]
    ) -> StreamChanges | None:
        """The changes of one stream, or None where the setting is off.

        A mirror has none either: it must see all of its rows. Where no key tells rows apart all
        are sent, and challenge those of other streams. `sources` is the column that fills each
        field.

        Raises:
            ConfigurationError: the file or the account cannot be used.
            KlaviyoError: Klaviyo could not be asked.
        """
        if not self._config.get("change_store") or mapping.sink.mirror:
            return None
        place = CANONICAL.encode([self._account, mapping.stream])
        shared = CANONICAL.encode([self._account, [mapping.sink.name]])
        reading = reading_of(mapping, sources, self._config, self._version)
        # Hashed once here, as they are part of what is hashed for each row.
        scope = Scope(*map(self._store.mark, (place, shared, reading)))
        return StreamChanges(self._store, scope, keys, self._last_words)

    @cached_property
    def _store(self) -> ChangeStore:
        """The open file."""
        return ChangeStore(self._config["change_store"], changing=not self._config["dry_run"])

    @cached_property
    def _last_words(self) -> LastWords:
        """Those of all streams: rows stay challenged when their stream is described anew."""
        return LastWords(self._store)

    @cached_property
    def _account(self) -> str:
        """What tells this account from others."""
        return account_of(self._client, self._config)

    def close(self) -> None:
        """Finish the file."""
        if "_store" in self.__dict__:
            self._store.close()


def reading_of(
    mapping: StreamMapping, sources: Mapping[str, str], config: Mapping[str, Any], version: str
) -> bytes:
    """A text of everything that decides what a row becomes on the wire."""
    own = config["streams"].get(mapping.stream)
    settings = {name: value for name, value in config.items() if name not in WITHOUT_EFFECT}
    return CANONICAL.encode([mapping.sink.name, own, sources, settings, version])


def account_of(client: KlaviyoClient, config: Mapping[str, Any]) -> str:
    """What tells this account from others: its id, or the key where that may not read it.

    Raises:
        ConfigurationError: an OAuth app, which serves many accounts, may not read the id.
        KlaviyoError: Klaviyo could not be asked.
    """
    try:
        answer = client.get("get_accounts", Query(fields={"account": ("locale",)}))
    except PermissionDeniedError:
        if config.get("oauth"):
            raise ConfigurationError(
                "change_store needs to know which account it is for: give the OAuth app the "
                "scope accounts:read",
            ) from None
        return str(config["api_key"])
    (account,) = answer.json()["data"]
    return f"{config['api_url']} {account['id']}"
