"""The OpenAPI document: its operations and how a reference is followed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
MEDIA_TYPE = "application/vnd.api+json"


@dataclass(frozen=True)
class Document:
    """Klaviyo's OpenAPI file, parsed."""

    content: Json

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read the file at `path`; raises OSError or json.JSONDecodeError."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    @property
    def revision(self) -> str:
        """The API revision that the file describes."""
        return str(self.content["info"]["version"])

    def operations(self) -> Iterator[tuple[str, str, Json]]:
        """Yield path, upper-case method and description of every operation, in file order."""
        for path, methods in self.content["paths"].items():
            for method, operation in methods.items():
                yield path, method.upper(), operation

    def component(self, name: str) -> Json:
        """The schema component called `name`."""
        return dict(self.content["components"]["schemas"][name])

    def resolve(self, schema: Json) -> Json:
        """The schema behind a `$ref`, or the schema itself."""
        return self.component(reference_name(schema)) if "$ref" in schema else schema

    def success_schema(self, operation: Json) -> Json | None:
        """The schema of the first 2xx answer that has a JSON:API body."""
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}) if status.startswith("2") else {}
            if MEDIA_TYPE in content:
                return self.resolve(content[MEDIA_TYPE]["schema"])
        return None


def reference_name(schema: Json) -> str:
    """The component name at the end of a `$ref`."""
    return str(schema["$ref"]).rsplit("/", 1)[-1]
