"""What every write works with."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from klaviyo_sandbox.faults import Fault
from klaviyo_sandbox.messages import Request
from klaviyo_sandbox.routing import Route
from klaviyo_sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Writing:
    """A write whose body has been read and found valid. `content` is its `data`."""

    store: Store
    request: Request
    route: Route
    content: Any
    now: float
    random: Random
    fault: Fault | None = None
    event_delay: float = 0.0
