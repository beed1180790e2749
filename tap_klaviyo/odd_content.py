"""Content of another form than Klaviyo's documents promise, as an error of one stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from klaviyo_client.errors import UnexpectedContentError

Item = TypeVar("Item")
# What decoding a page and walking through its resources raises where they have another form.
ODD = (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


@contextmanager
def understanding(what: str) -> Iterator[None]:
    """Have content of another form end one stream, in words that quote none of it.

    Raises:
        UnexpectedContentError: a resource is not of the form that its kind has.
    """
    try:
        yield
    except ODD as error:
        kind = type(error).__name__
        message = f"{what} holds a resource of a form that is not known ({kind})"
        raise UnexpectedContentError(message) from error


def understood(items: Iterable[Item], what: str) -> Iterator[Item]:
    """The items, as `understanding` makes them."""
    with understanding(what):
        yield from items
