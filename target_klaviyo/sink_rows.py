"""What a sink is: the row type of `specs`, and the ways in which a stream can use a sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from target_klaviyo.mirrors import Mirror
from target_klaviyo.plans import Build, MakePlan
from target_klaviyo.withdrawals import Withdrawals


@dataclass(frozen=True, slots=True)
class TapForm:
    """How tap-klaviyo's records of a resource differ from rows made for this sink.

    Attributes:
        marks: Columns that only such a record has.
        names: Field by column, where the names differ.
        read_only: Columns that Klaviyo works out itself or takes elsewhere; they are left out.
    """

    marks: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mode:
    """One of several ways to write through a sink; what is None is as in the sink's row."""

    build: Build | None = None
    plan: MakePlan | None = None
    needs: tuple[tuple[str, ...], ...] | None = None
    after: tuple[str, ...] | None = None
    before: tuple[str, ...] = ()
    mirror: Mirror | None = None


@dataclass(frozen=True, slots=True)
class SinkSpec:
    """One sink.

    Attributes:
        name: The stream that goes here by itself.
        fields: What a row can fill, and the kind of each value (see `values.conversion`); a dot
            leads into an object.
        needs: Of each group, a row must fill at least one.
        build: Makes an item of an accepted record, or refuses the row.
        plan: Arranges the items of a batch into requests.
        properties: Whether columns that fill no field become custom properties; else they are
            left out.
        holder: The field that custom properties are part of.
        operations: Objects whose keys only the mapping names (`append.tags`), and the kind of
            their values.
        explicit: Fields that a column fills only when the mapping says so, not by its name.
        ordered: Whether a later row may undo an earlier one, also of another stream.
        after: Sinks whose pending rows must be written first.
        before: Sinks whose streams begin only when the rows that came before are written.
        immediate: Whether its rows may travel one by one, to take effect sooner.
        batch_rows: Rows to gather before sending, unless `batch_size_rows` says otherwise.
        tap: tap-klaviyo's records of this resource.
        modes: The ways in which a stream may use the sink; the first one by itself.
        mirror: How what the stream no longer names is taken away at its end, if that is wanted.
        refusals: Makes what remembers of a batch which rows were refused that others depend on.
    """

    name: str
    fields: Mapping[str, str]
    needs: tuple[tuple[str, ...], ...]
    build: Build
    plan: MakePlan
    properties: bool = False
    holder: str = "properties"
    operations: Mapping[str, str] = field(default_factory=dict)
    explicit: frozenset[str] = frozenset()
    ordered: bool = True
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    immediate: bool = False
    batch_rows: int = 10_000
    tap: TapForm = TapForm()
    modes: Mapping[str, Mode] = field(default_factory=dict)
    mirror: Mirror | None = None
    refusals: Callable[[], Withdrawals] | None = None

    def in_mode(self, name: str | None) -> SinkSpec:
        """The sink as it works in one of its modes, or in its first."""
        mode = self.modes[name] if name else Mode()
        return replace(
            self,
            build=mode.build or self.build,
            plan=mode.plan or self.plan,
            needs=self.needs if mode.needs is None else mode.needs,
            after=self.after if mode.after is None else mode.after,
            before=mode.before,
            mirror=mode.mirror,
        )
