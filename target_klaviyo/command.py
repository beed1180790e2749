"""The command line: the SDK's, with one clear line instead of a traceback."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click
from singer_sdk.exceptions import (
    ConfigValidationError,
    MapExpressionError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
from singer_sdk.plugin_base import SingerCommand
from singer_sdk.singerlib.exceptions import InvalidInputLine

from klaviyo_client.connection import without_secret
from klaviyo_client.errors import KlaviyoError
from target_klaviyo.errors import TargetError

EXPLAINED = (
    KlaviyoError,
    TargetError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)


class ClearCommand(SingerCommand):
    """Says what went wrong in one line each, and exits 1."""

    @classmethod
    def like(cls, command: click.Command, logger: logging.Logger) -> ClearCommand:
        """The same command, with clear errors."""
        return cls(
            name=command.name,
            callback=command.callback,
            params=command.params,
            context_settings=command.context_settings,
            help=command.help,
            logger=logger,
        )

    def main(self, *arguments: Any, **keywords: Any) -> Any:
        """Run the command; what we know how to explain does not become a traceback."""
        # At DEBUG it would log addresses, whose filters may hold e-mail addresses.
        logging.getLogger("urllib3").setLevel(logging.INFO)
        try:
            return super().main(*arguments, **keywords)
        except EXPLAINED as error:
            message = str(error)
        except MapExpressionError as error:
            message = f"stream_maps: {error}"
        except InvalidInputLine:
            # Its own text quotes the line.
            message = "a line of the input is no complete Singer message"
        for line in message.splitlines():
            self.logger.error(line)
        sys.exit(1)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, and the files of settings that they name.

        Raises:
            TargetError: one of those cannot be read.
        """
        try:
            return super().parse_args(ctx, args)
        except OSError as error:
            raise TargetError(f"--config: {error}") from None
        except (ValueError, TypeError, RecursionError) as error:
            raise TargetError(
                f"--config: the file holds no JSON object in UTF-8: {error}"
            ) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run; a malformed secret is named, never quoted, as the SDK's own message would."""
        try:
            return click.Command.invoke(self, ctx)
        except ConfigValidationError as error:
            raise TargetError("\n".join(map(without_secret, error.errors))) from None
