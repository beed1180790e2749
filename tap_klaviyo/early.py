"""The scan that is read before its turn, so that it is known early how dense its records lie.

Accounts grow, and so the last days are often by far the densest. A burst is found out step by step,
each a round trip: its first page shows where to cut, the page behind the cuts where to go on.
"""

from __future__ import annotations

from tap_klaviyo.lengths import Lengths
from tap_klaviyo.parts import Parts
from tap_klaviyo.scan_reading import Reading, Source
from tap_klaviyo.scans import Scan


class Early:
    """That scan and the parts that it was cut into; empty once its turn has come."""

    def __init__(self, source: Source, lengths: Lengths) -> None:
        """Nothing has been read."""
        self._scan = source.last
        self.readings = [Reading(source.last, source, lengths)] if source.last else []

    @property
    def held(self) -> int:
        """Bytes of the pages that wait."""
        return sum(one.held for one in self.readings)

    def to_read(self, parts: Parts) -> Reading | None:
        """What to read the first page of; None where that is under way or shows nothing more."""
        end = self.readings[-1]
        if cut := end.cut_up(parts.most, parts.pages):
            self.readings += cut
            end = cut[-1]
        return end if end.is_free and not end.count else None

    def taken_over(self, scan: Scan) -> list[Reading]:
        """All that is known of a scan whose turn has come; nothing of any other."""
        if not self.readings or scan != self._scan:
            return []
        known, self.readings = self.readings, []
        return known
