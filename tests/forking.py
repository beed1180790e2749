"""Has imported a command, and forks it into a process whenever the tests want one.

    python tests/forking.py FD MODULE...

Each byte that comes through the socket FD brings five files: an order as JSON (`module`,
`arguments`, `environment`, `folder`), the three standard streams, and a socket that takes two
lines: the number of the process, and its exit code when it has ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
from selectors import EVENT_READ, DefaultSelector
from typing import Any

FILES = 5


def fork_on_order(orders: socket.socket) -> dict[str, Any]:
    """Serve until the tests have ended; in each process that is forked, gives its order."""
    bell, rung = socket.socketpair()
    bell.setblocking(False)  # as signal.set_wakeup_fd wants it
    signal.set_wakeup_fd(bell.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # Control-C is for the tests, and for the processes that they have started.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running: dict[int, socket.socket] = {}
    waiting = DefaultSelector()
    waiting.register(orders, EVENT_READ)
    waiting.register(rung, EVENT_READ)
    gc.freeze()
    while True:
        ready = [key.fileobj for key, _ in waiting.select()]
        if rung in ready:
            rung.recv(4096)
            report_ended(running)
        if orders in ready:
            content, files, _, _ = socket.recv_fds(orders, 1, FILES)
            if not content:
                os._exit(0)
            order_file, *streams, teller = files
            number = os.fork()
            if not number:
                waiting.close()
                for one in (orders, bell, rung, *running.values()):
                    one.close()
                os.close(teller)
                return begin(order_file, streams)
            running[number] = socket.socket(fileno=teller)
            running[number].sendall(b"%d\n" % number)
            for file in (order_file, *streams):
                os.close(file)


def report_ended(running: dict[int, socket.socket]) -> None:
    """Tell the exit codes of the processes that have ended."""
    while running:
        number, status = os.waitpid(-1, os.WNOHANG)
        if not number:
            return
        with running.pop(number) as teller:
            teller.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def begin(order_file: int, streams: list[int]) -> dict[str, Any]:
    """Make this process what the order says."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    with open(order_file, "rb") as file:
        order: dict[str, Any] = json.load(file)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    return order


def main() -> None:
    """Import, wait, and be the command in each process that is forked."""
    for name in sys.argv[2:]:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a process with threads cannot be forked"
    order = fork_on_order(socket.socket(fileno=int(sys.argv[1])))
    sys.argv = [order["module"], *order["arguments"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
