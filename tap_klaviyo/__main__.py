"""The command `tap-klaviyo`."""

from __future__ import annotations

import os
import sys

from tap_klaviyo.head_start import head_start

# Seconds after which a thread that works lets another one work, instead of Python's 0.005. Where
# answers come at once, who asks for the next page waited for that as long as for the answer (5 %
# of the time, measured); and while modules are loaded, how long the first answer took would seem
# longer by many of those.
TURN_SECONDS = 0.001


def main() -> None:
    """Ask for the first pages, load the tap, which takes about as long as the answers, and run."""
    sys.setswitchinterval(TURN_SECONDS)
    early = head_start(sys.argv[1:], os.environ)
    from tap_klaviyo.tap import TapKlaviyo  # noqa: PLC0415 - not before that

    TapKlaviyo.early = early
    TapKlaviyo.cli()


if __name__ == "__main__":
    main()
