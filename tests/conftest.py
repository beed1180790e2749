"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The default run does not depend on chance or on the machine's speed. Other examples each time:
# pytest --hypothesis-profile explore
settings.register_profile(
    "dependable",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dependable")
