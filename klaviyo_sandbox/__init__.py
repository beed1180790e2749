"""A local Klaviyo: for demos, tests, benchmarks, and users' own pipeline tests."""

from klaviyo_sandbox.clock import ManualClock, ScaledClock
from klaviyo_sandbox.faults import Fault, FaultError
from klaviyo_sandbox.sandbox import Sandbox
from klaviyo_sandbox.served import served_operations
from klaviyo_sandbox.tokens import OAuthApp

__all__ = [
    "Fault",
    "FaultError",
    "ManualClock",
    "OAuthApp",
    "Sandbox",
    "ScaledClock",
    "served_operations",
]
