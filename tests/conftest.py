"""What all tests share."""

from __future__ import annotations

import os

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

# A developer's own account is none of the tests' business, and the environment wins over settings.
for name in [one for one in os.environ if one.startswith(("TAP_KLAVIYO_", "TARGET_KLAVIYO_"))]:
    del os.environ[name]
