"""The table of published energies per operation: its form, and reading it."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from snn_core.files import StrictModel, load_yaml
from snn_core.network.energy.operations import KINDS, MEMORY_BYTE, DenseOperations

TABLE = Path(__file__).with_name("energy.yaml")
"""The table that is shipped."""


def _range(value: Any) -> Any:
    """One number is a range without width."""
    return (value, value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Range = Annotated[tuple[float, float], BeforeValidator(_range)]
"""A number, or low and high."""
Text = Annotated[str, Field(min_length=1)]


class Source(StrictModel):
    """Where a number was published."""

    paper: Text = Field(description="a key of the table's references")
    where: Text = Field(description="table, figure, section or page")


class Price(StrictModel):
    """The energy of one operation of the hardware."""

    pj: Range = Field(description="pJ: a number, or low and high")
    source: Source

    @model_validator(mode="after")
    def _is_a_range(self) -> "Price":
        if not 0 <= self.pj[0] <= self.pj[1]:
            raise ValueError(f"pj must be a number that is not negative, or low and high, found {list(self.pj)}")
        return self


class MemoryLevel(Price):
    """A memory; its price is that of an access, read or write."""

    name: Text
    access_bytes: int = Field(ge=1)
    capacity_bytes: int | None = Field(default=None, ge=1, description="null: as much as is needed")


class Operation(StrictModel):
    """What a counted operation takes on a platform."""

    needs: dict[str, Annotated[float, Field(gt=0)]] = Field(
        min_length=1, description="how many of which price; memory_byte is a byte in the memory that holds the state"
    )
    why: Text = Field(description="how the platform's operation matches what is counted")


class Platform(StrictModel):
    """One chip or process. Every kind of operation is priced, contained in another's price, or absent."""

    name: Text
    node_nm: float = Field(gt=0, description="process node, nm")
    node_source: Source
    evidence: Text = Field(description="what kind of figures these are")
    prices: dict[str, Price]
    memory: list[MemoryLevel] = Field(default=[], description="from the smallest to one without limit")
    operations: dict[str, Operation] = Field(
        description="by kind; also multiply_accumulates, where a dense network may run"
    )
    contained: dict[str, Text] = Field(default={}, description="kinds that another price includes, and how")
    absent: dict[str, Text] = Field(default={}, description="kinds that no figure was found for, and why")

    @model_validator(mode="after")
    def _the_parts_fit(self) -> "Platform":
        self._check_kinds()
        capacities = [level.capacity_bytes for level in self.memory]
        if self.memory and (capacities[-1] is not None or None in capacities[:-1]):
            raise ValueError("memory: the last, and it alone, must be without capacity_bytes")
        limited = [capacity for capacity in capacities if capacity is not None]
        if limited != sorted(limited):
            raise ValueError("memory must go from the smallest to the largest")
        known = {*self.prices, *([MEMORY_BYTE] if self.memory else [])}
        for kind, operation in self.operations.items():
            for name in operation.needs:
                if name not in known:
                    raise ValueError(f"operations.{kind}.needs: {name!r} is no price ({', '.join(sorted(known))})")
        return self

    def _check_kinds(self) -> None:
        parts = {"operations": self.operations, "contained": self.contained, "absent": self.absent}
        for name, part in parts.items():
            known = {*KINDS, *(DenseOperations._fields if name == "operations" else ())}
            if unknown := sorted(part.keys() - known):
                raise ValueError(f"{name}: {unknown[0]!r} is no kind of operation ({', '.join(sorted(known))})")
        for kind in KINDS:
            found = [name for name, part in parts.items() if kind in part]
            if len(found) != 1:
                raise ValueError(
                    f"{kind} must be in one of {', '.join(parts)}, found in {' and '.join(found) or 'none'}"
                )

    def memory_for(self, state_bytes: int) -> MemoryLevel | None:
        """The smallest memory that holds so much; None for a platform whose table does not tell memories apart."""
        fits = (level for level in self.memory if level.capacity_bytes is None or state_bytes <= level.capacity_bytes)
        return next(fits, None)

    def sources(self) -> list[Source]:
        """Where all its numbers are from, each once."""
        used = [self.node_source, *(price.source for price in (*self.prices.values(), *self.memory))]
        return list({(source.paper, source.where): source for source in used}.values())


class EnergyTable(StrictModel):
    """Published energies per operation, by platform."""

    references: dict[str, Text] = Field(description="the papers, by key")
    dense_platform: str = Field(description="the platform that the dense network runs on")
    platforms: list[Platform] = Field(min_length=1)

    @model_validator(mode="after")
    def _the_parts_fit(self) -> "EnergyTable":
        names = [platform.name for platform in self.platforms]
        if len(set(names)) != len(names):
            raise ValueError(f"platforms must have different names, found {', '.join(names)}")
        if self.dense_platform not in names:
            raise ValueError(f"dense_platform must be one of {', '.join(names)}, found {self.dense_platform!r}")
        for kind in DenseOperations._fields:
            if kind not in self.dense.operations:
                raise ValueError(f"dense_platform {self.dense_platform!r} must have operations.{kind}")
        for platform in self.platforms:
            for source in platform.sources():
                if source.paper not in self.references:
                    raise ValueError(f"{platform.name}: source {source.paper!r} is not among references")
        return self

    @property
    def dense(self) -> Platform:
        """The platform that the dense network runs on."""
        return next(platform for platform in self.platforms if platform.name == self.dense_platform)


def load_energy_table(path: Path = TABLE) -> EnergyTable:
    """Read a table. Raises UserError with the file and the key."""
    return load_yaml(path, EnergyTable)
