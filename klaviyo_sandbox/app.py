"""The application: what happens to a request, in order. No sockets here."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, replace
from random import Random

from klaviyo_sandbox import access
from klaviyo_sandbox.clock import Clock
from klaviyo_sandbox.contract import operations
from klaviyo_sandbox.fault_answers import afterwards, fitting, instead
from klaviyo_sandbox.faults import Fault, Faults
from klaviyo_sandbox.ledger import Ledger, Outcome
from klaviyo_sandbox.limits import Headers, Limiter
from klaviyo_sandbox.messages import Problem, Refusal, Request, Response, error_response
from klaviyo_sandbox.reads import Reading, read
from klaviyo_sandbox.routing import Route, Router
from klaviyo_sandbox.served import served
from klaviyo_sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Settings:
    """How the sandbox behaves.

    `delay` is in real seconds for every answer; `event_delay` is how many of the sandbox's
    seconds an event stays invisible after it was accepted; `always_data` puts relationship data
    into every answer, asked for or not.
    """

    limits: bool = True
    delay: float = 0.0
    event_delay: float = 0.0
    always_data: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """What the application works with."""

    store: Store
    clock: Clock
    keys: access.Keys
    faults: Faults
    ledger: Ledger
    random: Random


class App:
    """Answers requests, one at a time where they touch the account."""

    def __init__(self, services: Services, settings: Settings) -> None:
        """Serve the account in `services.store`."""
        self.lock = threading.RLock()
        self._services = services
        self._settings = settings
        self._router = Router(operations())
        self._limiter = Limiter(services.clock, operations(), on=settings.limits)

    def __call__(self, request: Request) -> Response:
        """The answer to a request."""
        route = self._router.route(request.method, request.path)
        fault = self._fault(request, route)
        try:
            response = instead(fault) or self._perform(request, route, fault)
        except Refusal as refusal:
            response = error_response(refusal, self._error_id)
        response = replace(response, delay=response.delay + self._settings.delay)
        response = afterwards(response, fault)
        self._remember(request, route, response, fault)
        return response

    def _fault(self, request: Request, route: Route | None) -> Fault | None:
        if route is None:
            return None
        return self._services.faults.take(route.operation.id, fitting(request, route.operation))

    def _perform(self, request: Request, route: Route | None, fault: Fault | None) -> Response:
        if route is None or route.operation.id not in served():
            raise self._unserved(request, route)
        with self.lock:
            headers = self._admit(request, route)
            access.check_media(request, route.operation)
            response = self._serve(request, route, fault)
        return replace(response, headers=(*response.headers, *headers))

    def _admit(self, request: Request, route: Route) -> Headers:
        caller = self._services.keys.caller(access.credentials(request)[1])
        if caller is None:
            raise access.wrong_credentials()
        access.check_revision(request)
        access.check_scopes(caller, route.operation)
        return self._limiter.admit(caller.account, route.operation, request.query)

    def _serve(self, request: Request, route: Route, fault: Fault | None) -> Response:
        now = self._services.clock.now()
        kind = fault.kind if fault else ""
        always = self._settings.always_data
        return read(Reading(self._services.store, request, route, now, always, kind))

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
