"""Other people's readers of Klaviyo from PyPI, each in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparison import Skipped, Way
from plain_ways import HERE
from running import SINGER_SPACED, Command, Run, run
from servers import KEY, Server, progress

# When the sandbox's records begin: whoever cuts time into slices asks for no empty ones.
STARTS = {"events": "2025-08-31T00:00:00Z", "profiles": "2024-09-30T00:00:00Z"}
AIRBYTE, INGESTR, SINGER_IO = (
    "airbyte-source-klaviyo 2.13.1",
    "ingestr 0.14.155",
    "singer-io tap-klaviyo 1.1.5",
)
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
Prepare = Callable[[Path, Server, Path, str], Command]


@dataclass(frozen=True, slots=True)
class Rival:
    """A package and how it is run.

    Attributes:
        name: As the report calls it.
        package: What pip installs.
        newest: The newest Python that it runs on.
        reads: The streams of ours that it has.
        prepare: Its command for a stream.
        note: What is different about it.
    """

    name: str
    package: str
    newest: str
    reads: tuple[str, ...]
    prepare: Prepare
    note: str = ""


@dataclass(frozen=True, slots=True)
class Environments:
    """The folder in which rivals are installed, None where they are not wanted."""

    folder: Path | None

    def bin(self, rival: Rival) -> Path:
        """The folder of a rival's commands.

        Raises:
            Skipped: It cannot be installed here.
        """
        if self.folder is None:
            raise Skipped("rivals were not asked for")
        home = self.folder.resolve() / rival.package
        if not (home / "installed").exists():
            install(rival, home)
            (home / "installed").touch()
        return home / "bin"

    def ways(self, server: Server, folder: Path, stream: str, rounds: int) -> list[Way]:
        """The rivals that read a stream, as ways to do so."""
        known = RIVALS if self.folder else ()
        return [
            Way(rival.name, self.measure(rival, server, folder, stream), rounds, note=rival.note)
            for rival in known
            if stream in rival.reads
        ]

    def measure(self, rival: Rival, server: Server, folder: Path, stream: str) -> Callable[[], Run]:
        """One run of a rival."""

        def measured() -> Run:
            commands = self.bin(rival)
            command = rival.prepare(commands, server, folder, stream)
            program, *others = command.arguments
            environ = {**rewritten(server), **command.environ}
            return run(Command([str(commands / program), *others], environ, command.record_prefix))

        return measured


def rewritten(server: Server) -> dict[str, str]:
    """The environment in which Klaviyo's address means the sandbox."""
    return {
        "PYTHONPATH": str(HERE / "rival_hook"),
        "SANDBOX_URL": server.url,
        "DO_NOT_TRACK": "true",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }


def install(rival: Rival, home: Path) -> None:
    """Make an environment with a rival.

    Raises:
        Skipped: There is no Python for it, or pip refused.
    """
    progress(f"installing {rival.package}")
    shutil.rmtree(home, ignore_errors=True)
    for command in (
        [interpreter(rival), "-m", "venv", str(home)],
        [str(home / "bin" / "pip"), "install", "--quiet", rival.package],
    ):
        said = subprocess.run(command, capture_output=True, check=False, text=True)
        if said.returncode:
            raise Skipped(f"{rival.package} cannot be installed: {said.stderr.strip()[-200:]}")


def interpreter(rival: Rival) -> str:
    """A Python that a rival runs on: this one, or another on the PATH.

    Raises:
        Skipped: There is none.
    """
    known = PYTHONS[: PYTHONS.index(rival.newest) + 1]
    if ".".join(map(str, sys.version_info[:2])) in known:
        return sys.executable
    for version in reversed(known):
        if found := shutil.which(f"python{version}"):
            return found
    raise Skipped(f"{rival.package} needs Python {rival.newest} or older on the PATH")


def given(folder: Path, name: str, content: Mapping[str, Any]) -> str:
    """The path of a JSON file with that content."""
    file = folder / name
    file.write_text(json.dumps(content))
    return str(file)


def singer_io(commands: Path, server: Server, folder: Path, stream: str) -> Command:
    """singer-io's tap, with all its streams of events selected."""
    config = given(folder, "singer-io.json", {"api_key": KEY, "start_date": STARTS[stream]})
    discover = [str(commands / "tap-klaviyo"), "--config", config, "--discover"]
    said = subprocess.run(
        discover, env=os.environ | rewritten(server), capture_output=True, check=True
    )
    content = json.loads(said.stdout)
    for entry in content["streams"]:
        if "timestamp" in entry["metadata"][0]["metadata"].get("valid-replication-keys", ()):
            entry["metadata"][0]["metadata"]["selected"] = True
    catalog = given(folder, "singer-io-catalog.json", content)
    return Command(
        ["tap-klaviyo", "--config", config, "--catalog", catalog], record_prefix=SINGER_SPACED
    )


def airbyte(_commands: Path, _server: Server, folder: Path, stream: str) -> Command:
    """Airbyte's source, with a catalog that holds one stream."""
    options = {"disable_fetching_predictive_analytics": True}
    config = given(
        folder, "airbyte.json", {"api_key": KEY, "start_date": STARTS[stream], **options}
    )
    chosen = {
        "stream": {
            "name": stream,
            "json_schema": {"type": "object"},
            "supported_sync_modes": ["full_refresh", "incremental"],
        },
        "sync_mode": "incremental",
        "destination_sync_mode": "append",
    }
    catalog = given(folder, "airbyte-catalog.json", {"streams": [chosen]})
    return Command(["source-klaviyo", "read", "--config", config, "--catalog", catalog])


def ingestr(_commands: Path, _server: Server, _folder: Path, stream: str) -> Command:
    """The source of ingestr."""
    return Command(["python", str(HERE / "ingestr_records.py"), stream, STARTS[stream]])


RIVALS = (
    Rival(
        AIRBYTE,
        "airbyte-source-klaviyo==2.13.1",
        "3.11",
        ("events", "profiles"),
        airbyte,
    ),
    Rival(
        INGESTR,
        "ingestr==0.14.155",
        "3.12",
        ("events", "profiles"),
        ingestr,
        "its source alone, its records printed and not loaded; the last version in Python",
    ),
    Rival(
        SINGER_IO,
        "tap-klaviyo==1.1.5",
        "3.12",
        ("events",),
        singer_io,
        "has only events of metrics that it knows by name",
    ),
)
