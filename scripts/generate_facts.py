"""Generate the committed facts and schemas from Klaviyo's OpenAPI file.

python scripts/generate_facts.py OPENAPI_FILE            write them
python scripts/generate_facts.py OPENAPI_FILE --check    say what differs; exit 1 if anything
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from openapi.bodies import body_components
from openapi.document import Document, Json
from openapi.operations import operation_facts
from openapi.records import record_schemas

PROJECT = Path(__file__).resolve().parent.parent
FACTS = PROJECT / "klaviyo_client" / "facts"
STREAMS = PROJECT / "schemas" / "streams"


def generated_files(document: Document) -> dict[Path, str]:
    """Text of every generated file by its path."""
    schemas, names = record_schemas(document)
    operations = [operation_facts(document, *row) for row in document.operations()]
    for row in operations:
        if row["id"] in names:
            row["record"] = names[row["id"]]
    fieldsets = share_fieldsets(operations)
    bodies = body_components(document, [row["body"] for row in operations if "body" in row])
    files = {
        FACTS / "operations.json": lines(
            {"revision": document.revision, "fieldsets": fieldsets, "operations": operations}
        ),
        FACTS / "request_bodies.json": lines({"$defs": bodies}),
    }
    for name, schema in schemas.items():
        files[STREAMS / f"{name}.json"] = json.dumps(schema, indent=2) + "\n"
    return files


def share_fieldsets(operations: list[Json]) -> Json:
    """Replace each list of sparse fields by the name of a shared one."""
    names: dict[tuple[str, ...], str] = {}
    for row in operations:
        for kind, fields in row.get("fields", {}).items():
            key = tuple(fields)
            if key not in names:
                count = sum(name.split("/")[0] == kind for name in names.values())
                names[key] = f"{kind}/{count + 1}"
            row["fields"][kind] = names[key]
    return {name: list(fields) for fields, name in names.items()}


def lines(tables: Json) -> str:
    """JSON with one row a line, so that a new revision reads as a diff of rows."""
    parts = []
    for name, table in tables.items():
        if isinstance(table, list):
            rows = ",\n".join(json.dumps(row) for row in table)
            parts.append(f"{json.dumps(name)}: [\n{rows}\n]")
        elif isinstance(table, dict):
            rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in table.items())
            parts.append(f"{json.dumps(name)}: {{\n{rows}\n}}")
        else:
            parts.append(f"{json.dumps(name)}: {json.dumps(table)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def differences(files: dict[Path, str]) -> list[str]:
    """Committed files that are missing, stale or no longer generated."""
    stale = [
        str(path.relative_to(PROJECT))
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    surplus = [
        str(path.relative_to(PROJECT)) for path in STREAMS.glob("*.json") if path not in files
    ]
    return sorted(stale + surplus)


def main() -> int:
    """Write the files, or compare them with what is committed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("openapi_file", type=Path)
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    arguments = parser.parse_args()
    files = generated_files(Document.read(arguments.openapi_file))
    if arguments.check:
        found = differences(files)
        sys.stdout.writelines(f"differs: {name}\n" for name in found)
        return 1 if found else 0
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"wrote {len(files)} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
