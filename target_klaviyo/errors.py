"""What ends a run, beside the errors of `klaviyo_client`."""

from __future__ import annotations


class TargetError(Exception):
    """Root of these errors; the message names stream or setting and the remedy."""


class InputError(TargetError):
    """What came in is no Singer message, or not one that fits the messages before it."""


class UnknownStreamError(TargetError):
    """A stream that no sink takes."""


class RowsFailedError(TargetError):
    """Rows were rejected or left unknown, and the settings say to stop."""


class MirrorRefusedError(TargetError):
    """A mirror that took nothing away, because its source may not be complete."""


class OutputFileError(TargetError):
    """Receipts or dead letters can no longer be written."""


class ChangeStoreError(TargetError):
    """The file of `change_store` fails while it is in use."""
