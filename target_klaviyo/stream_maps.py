"""The SDK's stream_maps; an expression that fails for a row is named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from singer_sdk.exceptions import MapExpressionError
from singer_sdk.mapper import CustomStreamMap, PluginMapper


class ExplainingMapper(PluginMapper):
    """Says which stream, line and expression it is that fails."""

    def __init__(
        self, config: Mapping[str, Any], logger: logging.Logger, line: Callable[[], int]
    ) -> None:
        """`line` is the number of the line that is being worked off."""
        super().__init__(plugin_config=dict(config), logger=logger)
        self._line = line

    def register_raw_stream_schema(
        self, stream_name: str, schema: dict[str, Any], key_properties: Sequence[str] | None
    ) -> None:
        """Make the maps of a stream."""
        super().register_raw_stream_schema(stream_name, schema, key_properties)
        for one in self.stream_maps[stream_name]:
            if isinstance(one, CustomStreamMap):
                explained = Evaluator(one.expr_evaluator.eval, stream_name, self._line)
                one.expr_evaluator.eval = explained


class Evaluator:
    """The SDK's; what fails there is no traceback."""

    def __init__(self, evaluate: Callable[..., Any], stream: str, line: Callable[[], int]) -> None:
        """Name `stream` and `line` where an expression fails."""
        self._evaluate = evaluate
        self._stream = stream
        self._line = line

    def __call__(self, expr: str, previously_parsed: Any) -> Any:
        """The value of an expression for a row.

        Raises:
            MapExpressionError: it has none; the text quotes the expression, never the row.
        """
        try:
            return self._evaluate(expr, previously_parsed=previously_parsed)
        except Exception as error:  # noqa: BLE001 - expressions fail in whatever way they like
            raise MapExpressionError(
                f"stream {self._stream!r}: {expr!r} fails for the row on line {self._line()} of "
                f"the input ({type(error).__name__}); write it so that every row bears it, such as "
                "\"'none' if column is None else column\"",
            ) from None
