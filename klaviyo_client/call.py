"""The command `klaviyo-call`: one operation of Klaviyo's API, its JSON answer on stdout."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TextIO

import msgspec

from klaviyo_client.auth import PrivateKey
from klaviyo_client.call_operations import ROWS, CallOperation, Json, check_request, named
from klaviyo_client.client import KlaviyoClient
from klaviyo_client.client_settings import KLAVIYO, ClientSettings
from klaviyo_client.clock import Clock, SystemClock
from klaviyo_client.errors import (
    ApiError,
    ConfigurationError,
    InvalidRequestError,
    KlaviyoError,
)
from klaviyo_client.operations import facts_revision
from klaviyo_client.query import Query
from klaviyo_client.wire import Answer, Page

DONE, REFUSED, BAD_INPUT, NO_ANSWER, INTERRUPTED = 0, 1, 2, 3, 130
# A person is waiting: give up on a dead server after seconds, on a rate limit after a minute.
TRIES = 4
WAIT_SECONDS = 60.0
PREFIXES = ("KLAVIYO_", "TAP_KLAVIYO_")

EPILOG = """\
settings, from the environment:
  KLAVIYO_API_KEY    private API key; else TAP_KLAVIYO_API_KEY
  KLAVIYO_API_URL    else TAP_KLAVIYO_API_URL, else https://a.klaviyo.com
  KLAVIYO_REVISION   else TAP_KLAVIYO_REVISION, else the revision of this version

Attributes are plain ({"email": "..."}) or a whole JSON:API document ({"data": {...}});
metric and profile of an event may be flat ({"metric": {"name": "..."}}) or in full.
An empty answer (202, 204) prints nothing.

exit code:
  0  done
  1  Klaviyo refused; its answer is on stdout, one line about it on stderr
  2  bad input: operation, request or settings
  3  no usable answer: no connection, or a rate limit that asks for too long a wait
"""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the command reads, writes and waits by."""

    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock = field(default_factory=SystemClock)


class Arguments(argparse.ArgumentParser):
    """An argument parser that raises our error instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raise."""
        raise InvalidRequestError(f"{message}; see klaviyo-call --help")


def main(argv: Sequence[str] | None = None, terminal: Terminal | None = None) -> int:
    """Run the command; the result is its exit code."""
    terminal = terminal or Terminal()
    try:
        run(parsed_arguments(argv), terminal)
    except ApiError as error:
        write(terminal.stdout, error.body)
        return complain(terminal, error, REFUSED)
    except (InvalidRequestError, ConfigurationError) as error:
        return complain(terminal, error, BAD_INPUT)
    except KlaviyoError as error:
        return complain(terminal, error, NO_ANSWER)
    except BrokenPipeError:
        # The reader (`head`, say) has seen enough; the interpreter must not flush again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


def complain(terminal: Terminal, error: KlaviyoError, code: int) -> int:
    """Say what is wrong in one line."""
    terminal.stderr.write(f"klaviyo-call: {error}\n")
    return code


def argument_parser() -> Arguments:
    """The command's arguments."""
    parser = Arguments(
        prog="klaviyo-call",
        description="Call one operation of Klaviyo's API and print its JSON answer.",
        epilog=operations_text() + EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("operation", metavar="OPERATION", nargs="?", help="see below")
    parser.add_argument(
        "request", metavar="REQUEST", nargs="?", default="{}", help="JSON object, or - for stdin"
    )
    parser.add_argument("--all", action="store_true", help="every page, one resource a line")
    parser.add_argument("--api-url", help="address of the API")
    parser.add_argument("--revision", help="API revision")
    parser.add_argument(
        "--max-wait",
        type=float,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help="longest wait for a rate limit (%(default)g)",
    )
    parser.add_argument("-h", "--help", action="store_true", help="print this and end")
    return parser


def parsed_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; what is left over is not shown, since it may be part of a request.

    Raises:
        InvalidRequestError: there are too many, or an option is unknown.
    """
    parser = argument_parser()
    arguments, surplus = parser.parse_known_intermixed_args(argv)
    options = [word.partition("=")[0] for word in surplus if word.startswith("--")]
    if options:
        parser.error(f"unknown option {options[0]}")
    if surplus:
        parser.error("too many arguments: the request is one, in quotes")
    return arguments


def operations_text() -> str:
    """The operations and their keys, for people."""
    lines = [
        f"  {row.name:<22}"
        + (", ".join(f"{k}*" if k in row.required else k for k in row.keys) or "none")
        for row in ROWS
    ]
    return "\n".join(["operations and their request keys (* required):", *lines, "", ""])


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Do what the arguments ask.

    Raises:
        KlaviyoError: whatever goes wrong.
    """
    if arguments.help:
        terminal.stdout.write(argument_parser().format_help())
        return
    if arguments.operation is None:
        raise InvalidRequestError("name an operation; see klaviyo-call --help")
    row = named(arguments.operation)
    text = terminal.stdin.read() if arguments.request == "-" else arguments.request
    request = check_request(row, parsed(text))
    with client_for(arguments, terminal) as client:
        if arguments.all:
            for page in pages(client, row, request):
                terminal.stdout.writelines(f"{line}\n" for line in resources(page))
        else:
            write(terminal.stdout, answer(client, row, request).body)
    terminal.stdout.flush()


def parsed(text: str) -> Any:
    """The request; an argument that is no UTF-8 is no JSON either."""
    try:
        return msgspec.json.decode(text.encode(errors="surrogateescape"))
    except msgspec.DecodeError as error:
        raise InvalidRequestError(f"the request is not JSON: {error}") from None


def client_for(arguments: argparse.Namespace, terminal: Terminal) -> KlaviyoClient:
    """A client by flags and environment."""
    key = setting(terminal.environ, "API_KEY")
    if key is None:
        raise ConfigurationError("set KLAVIYO_API_KEY to a private API key (it starts with pk_)")
    settings = ClientSettings(
        base_url=arguments.api_url or setting(terminal.environ, "API_URL") or KLAVIYO,
        revision=arguments.revision or setting(terminal.environ, "REVISION") or facts_revision(),
        user_agent="klaviyo-call",
        max_wait_seconds=arguments.max_wait,
        max_tries=TRIES,
    )
    return KlaviyoClient(PrivateKey(key), settings, clock=terminal.clock)


def setting(environ: Mapping[str, str], name: str) -> str | None:
    """A setting by its own name, or by the tap's."""
    return next((value for prefix in PREFIXES if (value := environ.get(prefix + name))), None)


def answer(client: KlaviyoClient, row: CallOperation, request: Json) -> Answer:
    """Send one request."""
    if row.operation_id is None:
        body = msgspec.json.encode(request["body"]) if "body" in request else None
        return client.raw(request["method"], request["path"], body)
    path = path_values(row, request)
    if row.body is None:
        return client.get(row.operation_id, query(request), path=path)
    body = msgspec.json.encode(row.body(request))
    return client.write(row.operation_id, body, path=path, repeat_safe=row.repeat_safe)


def pages(client: KlaviyoClient, row: CallOperation, request: Json) -> Iterable[Page]:
    """Every page of a collection."""
    if row.operation_id is None and request["method"].upper() == "GET":
        return client.raw_pages(request["path"])
    if row.operation_id is None or row.facts is None or not row.facts.cursor:
        raise InvalidRequestError("--all is for operations that answer pages")
    return client.pages(row.operation_id, query(request))


def query(request: Json) -> Query:
    """The query that the request asks for."""
    return Query(request.get("filter"), request.get("sort"), request.get("pageSize"))


def path_values(row: CallOperation, request: Json) -> dict[str, str]:
    """Values for the operation's path."""
    return {"id": request[row.identity]} if row.identity else {}


def resources(page: Page) -> Iterable[str]:
    """Each resource of a page on a line of its own."""
    content = bytes(page.data)
    rows = (
        msgspec.json.decode(content, type=list[msgspec.Raw]) if content[:1] == b"[" else [content]
    )
    return (msgspec.json.format(bytes(row), indent=-1).decode() for row in rows)


def write(stdout: TextIO, body: bytes) -> None:
    """An answer as it stands, ended by a line break; nothing where it is empty."""
    if body.strip():
        text = body.decode(errors="replace")
        stdout.write(text if text.endswith("\n") else text + "\n")


if __name__ == "__main__":
    sys.exit(main())
