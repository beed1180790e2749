"""The application: what happens to a request, in order. No sockets here."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, replace
from random import Random

from klaviyo_sandbox import access
from klaviyo_sandbox.bodies import read_body
from klaviyo_sandbox.clock import Clock
from klaviyo_sandbox.contract import Operation, Rate, operations
from klaviyo_sandbox.control import ROOT, Control
from klaviyo_sandbox.fault_answers import afterwards, fitting, instead
from klaviyo_sandbox.faults import TOKEN_OPERATION, Fault, Faults
from klaviyo_sandbox.handlers import HANDLERS, settle
from klaviyo_sandbox.ledger import Ledger, Outcome
from klaviyo_sandbox.limits import Headers, Limiter
from klaviyo_sandbox.messages import Problem, Refusal, Request, Response, error_response
from klaviyo_sandbox.query import check_names, unique
from klaviyo_sandbox.reads import Reading, read
from klaviyo_sandbox.routing import Route, Router, split
from klaviyo_sandbox.served import served
from klaviyo_sandbox.store import Store
from klaviyo_sandbox.tokens import PATH, Tokens
from klaviyo_sandbox.writing import Writing

# No operation of Klaviyo's API, but a request to be met by faults and remembered like one.
TOKEN_ROUTE = Route(Operation(TOKEN_OPERATION, "POST", PATH, (200,), (), Rate(10, 60)))


@dataclass(frozen=True, slots=True)
class Settings:
    """How the sandbox behaves.

    `delay` is in real seconds for every answer; `event_delay` is how many of the sandbox's
    seconds an event stays invisible after it was accepted; `always_data` puts relationship data
    into every answer, asked for or not; `raised` is how many times Klaviyo's limits are allowed,
    as Klaviyo grants to some accounts.
    """

    limits: bool = True
    delay: float = 0.0
    event_delay: float = 0.0
    always_data: bool = False
    raised: int = 1


@dataclass(frozen=True, slots=True)
class Callers:
    """Everybody who may ask: by key, or by token."""

    keys: access.Keys
    tokens: Tokens

    def caller(self, request: Request) -> access.Caller:
        """Who sends a request.

        Raises:
            Refusal: 401, nobody that the account knows.
        """
        scheme, secret = access.credentials(request)
        known = {access.KEY_SCHEME: self.keys.caller, access.TOKEN_SCHEME: self.tokens.caller}
        caller = known[scheme](secret) if scheme in known else None
        if caller is None:
            raise access.wrong_credentials()
        return caller


@dataclass(frozen=True, slots=True)
class Services:
    """What the application works with."""

    store: Store
    clock: Clock
    callers: Callers
    faults: Faults
    ledger: Ledger
    random: Random
    control: Control


class App:
    """Answers requests, one at a time where they touch the account."""

    def __init__(self, services: Services, settings: Settings, lock: threading.RLock) -> None:
        """Serve the account in `services.store`, holding `lock` while touching it."""
        self._lock = lock
        self._services = services
        self._settings = settings
        self._router = Router(operations())
        self._limiter = Limiter(
            services.clock, operations(), on=settings.limits, raised=settings.raised
        )

    def __call__(self, request: Request) -> Response:
        """The answer to a request."""
        if split(request.path)[0] == ROOT:
            return self._control(request)
        route = TOKEN_ROUTE if request.path == PATH else self._route(request)
        # Before the fault is met: who forgets it meanwhile lets this answer go too.
        cleared = self._services.faults.cleared
        fault = self._fault(request, route)
        try:
            response = instead(fault) or self._perform(request, route, fault)
        except Refusal as refusal:
            response = error_response(refusal, self._error_id)
        response = replace(response, delay=response.delay + self._settings.delay)
        response = afterwards(response, fault)
        if fault and fault.kind == "held":
            response = replace(response, until=cleared)
        self._remember(request, route, response, fault)
        return response

    def _control(self, request: Request) -> Response:
        try:
            return self._services.control.answer(request)
        except Refusal as refusal:
            return error_response(refusal, self._error_id)

    def _route(self, request: Request) -> Route | None:
        return self._router.route(request.method, request.path)

    def _fault(self, request: Request, route: Route | None) -> Fault | None:
        if route is None:
            return None
        return self._services.faults.take(route.operation.id, fitting(request, route.operation))

    def _perform(self, request: Request, route: Route | None, fault: Fault | None) -> Response:
        if route is TOKEN_ROUTE:
            with self._lock:
                return self._services.callers.tokens.answer(request)
        if route is None or route.operation.id not in served():
            raise self._unserved(request, route)
        with self._lock:
            headers = self._admit(request, route)
            access.check_media(request, route.operation)
            response = self._serve(request, route, fault)
        return replace(response, headers=(*response.headers, *headers))

    def _admit(self, request: Request, route: Route) -> Headers:
        caller = self._services.callers.caller(request)
        access.check_revision(request)
        access.check_scopes(caller, route.operation)
        return self._limiter.admit(caller.account, route.operation, request.query)

    def _serve(self, request: Request, route: Route, fault: Fault | None) -> Response:
        now = self._services.clock.now()
        store, random = self._services.store, self._services.random
        settle(store, now, random)
        handler = HANDLERS.get(route.operation.id)
        if handler is None:
            kind = fault.kind if fault else ""
            return read(Reading(store, request, route, now, self._settings.always_data, kind))
        check_names(route.operation, unique(request.query))
        content = read_body(route.operation, request.body) if route.operation.body else None
        delay = self._settings.event_delay
        return handler(Writing(store, request, route, content, now, random, fault, delay))

    def _unserved(self, request: Request, route: Route | None) -> Refusal:
        if route is not None:
            detail = f"The sandbox does not serve the operation {route.operation.id}."
            return Refusal(404, Problem("not_found", "Not found.", detail, {"pointer": "/data/"}))
        if self._router.methods(request.path):
            detail = f'Method "{request.method}" not allowed.'
            return Refusal(405, Problem("method_not_allowed", "Method not allowed.", detail))
        detail = f"Klaviyo has no operation at {request.path}, and so has the sandbox."
        return Refusal(404, Problem("not_found", "Not found.", detail, {"pointer": "/data/"}))

    def _error_id(self) -> str:
        return str(uuid.UUID(int=self._services.random.getrandbits(128), version=4))

    def _remember(
        self, request: Request, route: Route | None, response: Response, fault: Fault | None
    ) -> None:
        outcome = Outcome(
            response.status, response.body, response.headers, fault.kind if fault else ""
        )
        operation = route.operation.id if route else ""
        self._services.ledger.add(self._services.clock.now(), request, operation, outcome)
