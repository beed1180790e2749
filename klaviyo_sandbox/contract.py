"""The one door to the endpoint facts.

No other module of the sandbox imports `klaviyo_client`, and this one imports nothing of it but
the generated facts: what Klaviyo's OpenAPI file says, never how our client behaves.
"""

from klaviyo_client.operations import (
    FilterField,
    Operation,
    Rate,
    facts_revision,
    operations,
    request_body_schemas,
)

__all__ = [
    "FilterField",
    "Operation",
    "Rate",
    "facts_revision",
    "operations",
    "request_body_schemas",
]
