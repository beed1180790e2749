"""The bulk jobs of a shop, by operation and by the type of the job."""

from __future__ import annotations

from collections.abc import Mapping

from klaviyo_sandbox import catalog_writes, coupon_writes
from klaviyo_sandbox.bulk_jobs import JobRule

JOBS: Mapping[str, JobRule] = {**dict(catalog_writes.rules()), **coupon_writes.RULES}
JOB_TYPES: Mapping[str, JobRule] = {rule.type: rule for rule in JOBS.values()}
