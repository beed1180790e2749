"""Reading streams side by side, each in a thread of its own, taking turns at the SDK's code.

Klaviyo counts the requests of each operation by themselves: an account takes about as long as
its slowest stream alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from singer_sdk import Stream

from klaviyo_client.errors import KlaviyoError
from tap_klaviyo.turns import Turns


class StreamStoppedError(KlaviyoError):
    """Another stream failed, so this one stops where it is."""


class SideBySide:
    """Runs streams at once, until all have ended or one fails for all of them."""

    def __init__(self, turns: Turns, sync: Callable[[Stream], None]) -> None:
        """Run `sync` for every stream; it holds the turn whenever it runs the SDK's code."""
        self._turns = turns
        self._sync = sync
        self._error: BaseException | None = None
        self._stopped = False
        self._ended = threading.Semaphore(0)

    def run(self, streams: Sequence[Stream]) -> None:
        """Sync the streams, beginning in their order.

        Raises:
            BaseException: the first error that no stream could go on after.
        """
        # Daemons: a stream that waits for Klaviyo must not hold up the end of the process.
        threads = [
            threading.Thread(target=self._run, args=(stream,), name=stream.name, daemon=True)
            for stream in streams
        ]
        for thread in threads:
            thread.start()
        for _ in threads:
            self._ended.acquire()
            if self._error:
                # Not once more given on: whoever still waits for Klaviyo writes nothing any more.
                self._turns.take()
                raise self._error

    def stop(self) -> None:
        """Have every stream end before its next page."""
        self._stopped = True

    def check(self) -> None:
        """Let a stream go on.

        Raises:
            StreamStoppedError: it is to end.
        """
        if self._stopped:
            raise StreamStoppedError("another stream failed before this one had ended")

    def _run(self, stream: Stream) -> None:
        """Sync one stream in its thread."""
        self._turns.take()
        try:
            if not self._stopped:
                self._sync(stream)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = self._error or error
            self.stop()
        finally:
            self._turns.give()
            self._ended.release()
