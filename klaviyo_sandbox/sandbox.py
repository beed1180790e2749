"""The sandbox as a library: a Klaviyo on loopback for the length of a `with` block."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from random import Random
from types import TracebackType

from klaviyo_sandbox.access import Keys
from klaviyo_sandbox.account import Account
from klaviyo_sandbox.app import App, Callers, Services, Settings
from klaviyo_sandbox.clock import Clock, ScaledClock
from klaviyo_sandbox.control import Control
from klaviyo_sandbox.faults import Faults
from klaviyo_sandbox.handlers import settle
from klaviyo_sandbox.ledger import Ledger
from klaviyo_sandbox.seed_copies import COPIES
from klaviyo_sandbox.seed_form import DATE, EVENT_BYTES, Seed
from klaviyo_sandbox.server import Server, is_loopback, url_host
from klaviyo_sandbox.store import Store
from klaviyo_sandbox.tokens import OAuthApp, Tokens


class Sandbox:
    """A local Klaviyo.

    >>> with Sandbox(seed=7, profiles=100, events=2000) as sandbox:
    ...     sandbox.url
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        *,
        seed: int = 7,
        profiles: int = 100,
        events: int = 2_000,
        date: str = DATE,
        event_bytes: int = EVENT_BYTES,
        traps: bool = True,
        empty: bool = False,
        bursts: int = 0,
        db: str = ":memory:",
        host: str = "127.0.0.1",
        port: int = 0,
        keys: Mapping[str, Iterable[str] | None] | None = None,
        limits: bool = True,
        raised: int = 1,
        time_scale: float = 1.0,
        clock: Clock | None = None,
        delay: float = 0.0,
        event_delay: float = 0.0,
        always_data: bool = False,
        keep_answers: bool = False,
        compress: bool = True,
        apps: Iterable[OAuthApp] = (),
    ) -> None:
        """Prepare a sandbox; entering it starts the server.

        `keys` gives the scopes of each private key (None: all); with no keys, every `pk_...`
        may do everything. `bursts` says in how many of them over the year half of the events
        crowd (0: into the last day). `raised` multiplies Klaviyo's limits, and what the rate
        headers say of them. `delay` (real seconds) slows every answer; `event_delay` (the sandbox's
        seconds) hides accepted events for a while. With `empty`, a new account holds nothing but
        itself. `time_scale` accelerates rate windows and
        jobs; `clock` takes its place. Answers are compressed for whoever takes that, as
        Klaviyo's are (recorded answers of one byte have the length of 21 that gzip makes of it),
        unless `compress` is false. `apps` may refresh tokens at /oauth/token. An existing
        `db` is continued, not seeded.

        Raises:
            ValueError: `host` is not this machine.
        """
        if not is_loopback(host):
            raise ValueError(f"The sandbox listens on loopback only, not on {host!r}.")
        self.clock: Clock = clock or ScaledClock(time_scale)
        self.faults = Faults()
        self.requests = Ledger(keep_answers=keep_answers)
        self._seed = Seed(seed, profiles, events, date, event_bytes, traps, empty, bursts)
        self._settings = Settings(limits, delay, event_delay, always_data, raised)
        scopes = {
            key: None if names is None else frozenset(names) for key, names in (keys or {}).items()
        }
        self._keys = Keys(scopes)
        self._apps = tuple(apps)
        self._db = db
        self._address = (host, port)
        self._compress = compress

    def __enter__(self) -> Sandbox:  # noqa: PYI034 - Self is in no Python 3.10
        """Start serving."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving."""
        self.stop()

    def start(self) -> None:
        """Open the account, seed it where it is new, and serve it."""
        self._store = Store(self._db)
        if self._store.new:
            COPIES.plant(self._store, self._seed)
        random = Random(self._seed.number)  # noqa: S311 - ids, not secrets
        tokens = Tokens(self._apps, self.clock, random)
        callers = Callers(self._keys, tokens)
        lock = threading.RLock()
        self.account = Account(
            self._store, lock, lambda: settle(self._store, self.clock.now(), random)
        )
        control = Control(self.faults, self.requests, self.account)
        services = Services(
            self._store, self.clock, callers, self.faults, self.requests, random, control
        )
        self.app = App(services, self._settings, lock)
        try:
            self._server = Server(self._address, self.app, compress=self._compress)
        except OSError:
            self._store.close()
            raise
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """End the server and close the account; no answer is held any longer."""
        self.faults.clear()
        self._server.stop()
        self._thread.join()
        self._store.close()

    @property
    def url(self) -> str:
        """Where the sandbox listens, without a path."""
        host, port = self._server.server_address[:2]
        return f"http://{url_host(str(host))}:{port}"
