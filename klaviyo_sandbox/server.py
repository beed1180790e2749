"""The HTTP shell: sockets and threads around an application. Loopback only."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from isal import isal_zlib

from klaviyo_sandbox.messages import Request, Response

LARGEST_BODY = 64 * 1024 * 1024
# A page of 2 MB takes 1.6 ms, and becomes as small as with zlib at its quickest, which takes 11.
COMPRESSION = 1
# zlib's way to ask for a gzip header and trailer.
GZIP = 31
ENCODED = ("Content-Encoding", "gzip")
Application = Callable[[Request], Response]


class Server(ThreadingHTTPServer):
    """Serves one application; a thread per connection, all of them ended by `stop`."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], application: Application, *, compress: bool = True
    ) -> None:
        """Listen on `address`; port 0 picks one."""
        self.application = application
        self.compress = compress
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        # Two answers that are made at once take the processor's caches from each other.
        self.turn = threading.Lock()
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that `stop` can end it."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """End the loop, every connection and every thread."""
        self.shutdown()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            hang_up(connection)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error of the sandbox; anything else is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection: bytes in, a `Request`; a `Response`, bytes out."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        """Read the request, ask the application, and write the answer."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            parts.path,
            tuple(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length) if length else b"",
            self.base(),
        )
        server = cast(Server, self.server)
        with server.turn:
            response = self.compressed(server.application(request))
        if response.delay:
            time.sleep(response.delay)
        if response.until:
            response.until.wait()
        self.write(response)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 - names of http.server

    def base(self) -> str:
        """Scheme and host as the client wrote them, if that is this machine."""
        host, port = cast("tuple[str, int]", self.server.server_address)[:2]
        given = self.headers.get("Host", "")
        name = urlsplit(f"//{given}").hostname or ""
        return f"http://{given}" if is_loopback(name) else f"http://{url_host(host)}:{port}"

    def compressed(self, response: Response) -> Response:
        """An answer as the client takes it: what waits to leave is small."""
        if not (response.body and cast(Server, self.server).compress and self.takes_gzip()):
            return response
        body = isal_zlib.compress(response.body, COMPRESSION, GZIP)
        return replace(response, body=body, headers=(*response.headers, ENCODED))

    def write(self, response: Response) -> None:
        """Send an answer, or as much of it as a fault lets through."""
        body = response.body
        if response.broken == "reset":
            self.reset()
            return
        self.send_response(response.status)
        if body:
            self.send_header("Content-Type", response.content_type)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status != 204:  # noqa: PLR2004 - no content, so no length
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if response.broken else body)
        self.close_connection = self.close_connection or bool(response.broken)

    def takes_gzip(self) -> bool:
        """Whether the client accepts a compressed answer."""
        return "gzip" in self.headers.get("Accept-Encoding", "")

    def reset(self) -> None:
        """Drop the connection the hard way: the client sees a reset."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        # The file objects keep the socket open: without them, close() sends the reset.
        self.connection.close()

    def version_string(self) -> str:
        """The Server header."""
        return "klaviyo-sandbox"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in http.server
        """Nothing is logged: the ledger knows everything."""


def hang_up(connection: socket.socket) -> None:
    """End a connection whose thread may be waiting on it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The client was first.
        return


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine and nothing else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url_host(host: str) -> str:
    """An address as it stands in a URL."""
    return f"[{host}]" if ":" in host else host
