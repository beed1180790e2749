"""How to reach Klaviyo."""

from __future__ import annotations

from dataclasses import dataclass, field

from klaviyo_client.operations import facts_revision
from klaviyo_client.wire import MEDIA_TYPE

KLAVIYO = "https://a.klaviyo.com"


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How to reach Klaviyo. Times are in seconds; `max_tries` counts the first one."""

    base_url: str = KLAVIYO
    revision: str = field(default_factory=facts_revision)
    user_agent: str = "klaviyo-connector"
    max_wait_seconds: float = 600.0
    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    max_tries: int = 8

    def headers(self) -> dict[str, str]:
        """What every request says of itself."""
        return {
            "Accept": MEDIA_TYPE,
            "Content-Type": MEDIA_TYPE,
            "User-Agent": self.user_agent,
            "revision": self.revision,
        }
