"""The command line: the SDK's, with one clear line instead of a traceback."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Any

import click
import simplejson
from singer_sdk.exceptions import ConfigValidationError, MapExpressionError
from singer_sdk.plugin_base import SingerCommand

from klaviyo_client.connection import without_secret
from klaviyo_client.errors import ConfigurationError, KlaviyoError
from tap_klaviyo.memory import end_at_once

TOO_DEEP = (
    "a record, or a file of settings, is nested too deeply to be worked on; of records, "
    "stream_maps and flattening take about 300 levels"
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
        end_at_once()
        try:
            return super().main(*arguments, **keywords)
        except KlaviyoError as error:
            message = str(error)
        except ConfigValidationError as error:
            message = "\n".join(map(without_secret, error.errors))
        except MapExpressionError as error:
            message = f"stream_maps: {error}"
        except RecursionError:
            message = TOO_DEEP
        except (json.JSONDecodeError, simplejson.JSONDecodeError) as error:
            message = f"a file given with --config, --catalog or --state is no JSON: {error}"
        except OSError as error:
            message = str(error)
        for line in message.splitlines():
            self.logger.error(line)
        sys.exit(1)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, and the files of settings that they name.

        Raises:
            ConfigurationError: one of those cannot be read.
        """
        try:
            return super().parse_args(ctx, args)
        except OSError as error:
            raise ConfigurationError(f"--config: {error}") from None
        except (ValueError, TypeError, RecursionError) as error:
            message = f"--config: the file holds no JSON object in UTF-8: {error}"
            raise ConfigurationError(message) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run, but not as the SDK's command, which would quote a malformed secret."""
        try:
            return click.Command.invoke(self, ctx)
        except BrokenPipeError:
            self.logger.error("The loader closed the pipe before all records were written")  # noqa: TRY400
            # The interpreter flushes stdout once more at exit, which must not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)
