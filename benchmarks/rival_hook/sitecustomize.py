"""Sends a rival's requests to the sandbox: Klaviyo's address is written into its code.

Python imports this at its start when the folder is on PYTHONPATH.
"""

from __future__ import annotations

import os
from typing import Any

import requests

KLAVIYO = "https://a.klaviyo.com"
SANDBOX = os.environ["SANDBOX_URL"]
as_written = requests.Session.send


def to_sandbox(
    session: requests.Session, request: requests.PreparedRequest, **options: Any
) -> requests.Response:
    """Send a request, to the sandbox if it was for Klaviyo."""
    address = (request.url or "").replace(KLAVIYO, SANDBOX, 1)
    # ingestr writes offsets of time zones as they are; in a query, a plus sign is a blank.
    request.url = address.replace("+00:00", "%2B00:00")
    return as_written(session, request, **options)


requests.Session.send = to_sandbox  # type: ignore[method-assign,assignment]
