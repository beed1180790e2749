"""From method and path to Klaviyo's operation and the values in its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from klaviyo_sandbox.contract import Operation

Segments = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """An operation, and the values of its path parameters in order."""

    operation: Operation
    values: tuple[str, ...] = ()


class Router:
    """Finds the operation for a path among the given ones."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        """Index `operations` by method and number of path segments."""
        self._candidates: dict[tuple[str, int], list[tuple[Segments, Operation]]] = {}
        # Constant paths win over templates, so they are tried first.
        for operation in sorted(operations.values(), key=lambda row: row.path.count("{")):
            segments = split(operation.path)
            key = (operation.method, len(segments))
            self._candidates.setdefault(key, []).append((segments, operation))

    def route(self, method: str, path: str) -> Route | None:
        """The operation that answers `method` on `path`, or None."""
        segments = split(path)
        for template, operation in self._candidates.get((method, len(segments)), ()):
            values = match(template, segments)
            if values is not None:
                return Route(operation, values)
        return None

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods that Klaviyo answers on `path`."""
        known = sorted({method for method, _ in self._candidates})
        return tuple(method for method in known if self.route(method, path))


def split(path: str) -> Segments:
    """The segments of a path; a trailing slash is Klaviyo's to ignore."""
    return tuple(path.strip("/").split("/"))


def match(template: Segments, segments: Segments) -> tuple[str, ...] | None:
    """The values that make `template` equal `segments`, or None."""
    values = []
    for expected, given in zip(template, segments, strict=True):
        if expected.startswith("{"):
            values.append(unquote(given))
        elif expected != given:
            return None
    return tuple(values)
