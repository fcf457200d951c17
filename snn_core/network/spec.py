"""What a network is: the YAML description, checked by pydantic, and its hash."""

import hashlib
import math
import operator
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import Field, model_validator

from snn_core.files import StrictModel, load_yaml
from snn_core.network.initial_weights import FileWeights, LogNormalWeights, NormalWeights
from snn_core.network.models import MODELS
from snn_core.network.models.base import PopulationSpec
from snn_core.network.patterns import AllToAll, Pattern, delay_range
from snn_core.network.rules import RULES
from snn_core.network.rules.base import RuleSpec


class SpikeSource(PopulationSpec):
    """An input population: it spikes when the encoder says so."""

    model: Literal["spike_source"]  # type: ignore[assignment]


if TYPE_CHECKING:
    Population = PopulationSpec
    Rule = RuleSpec
else:
    # Any model, and any rule, that there is a file for in snn_core/network/models and snn_core/network/rules.
    Population = Annotated[
        reduce(operator.or_, (model.spec for model in MODELS.values()), SpikeSource), Field(discriminator="model")
    ]
    Rule = Annotated[reduce(operator.or_, (rule.spec for rule in RULES.values())), Field(discriminator="name")]


class ConstantWeights(StrictModel):
    """Every synapse starts with the same weight."""

    distribution: Literal["constant"]
    value_na: float


class UniformWeights(StrictModel):
    """Initial weights drawn from [low, high)."""

    distribution: Literal["uniform"]
    low_na: float
    high_na: float

    @model_validator(mode="after")
    def _low_is_not_above_high(self) -> "UniformWeights":
        if self.low_na > self.high_na:
            raise ValueError(f"low_na must not exceed high_na ({self.high_na}), found {self.low_na}")
        return self


class ExplicitWeights(StrictModel):
    """Initial weights given one by one: a row for each presynaptic neuron."""

    distribution: Literal["values"]
    values_na: list[list[float]]


Weights = Annotated[
    ConstantWeights | UniformWeights | ExplicitWeights | NormalWeights | LogNormalWeights | FileWeights,
    Field(discriminator="distribution"),
]


class Connection(StrictModel):
    """Synapses from one population to another."""

    pre: str
    post: str
    pattern: Pattern = Field(default_factory=lambda: AllToAll(kind="all_to_all"))
    weights: Weights
    delay_ms: float | tuple[float, float] | None = Field(
        default=None, description="of every synapse, or low and high, drawn for each; null: one step"
    )
    rule: Rule | None = Field(default=None, description="null: the weights are fixed")

    @property
    def is_dense(self) -> bool:
        """Whether every neuron reaches every other after the same delay, by fixed weights or by R-STDP."""
        whole = isinstance(self.pattern, AllToAll) and self.pattern.allow_self
        return whole and not isinstance(self.delay_ms, tuple) and (self.rule is None or self.rule.name == "r_stdp")


class NetworkSpec(StrictModel):
    """A network: populations of neurons and the connections between them.

    name: of the network. dt_ms: time step (ms), a whole number of us. populations: by name; their order numbers the
    neurons. connections: in the order in which ``Network`` counts them.
    """

    name: str
    dt_ms: float = Field(default=1.0, gt=0, le=10)
    populations: dict[str, Population]
    connections: list[Connection]

    @model_validator(mode="after")
    def _the_parts_fit(self) -> "NetworkSpec":
        if not (self.dt_ms * 1000).is_integer():
            raise ValueError(f"dt_ms must be a whole number of microseconds, found {self.dt_ms}")
        for name, population in self.populations.items():
            self._check_population(f"populations.{name}", population)
        for index, connection in enumerate(self.connections):
            self._check_connection(f"connections.{index}", connection)
        return self

    def population(self, key: str, name: str) -> PopulationSpec:
        """The population of this name. Raises ValueError that names ``key`` where there is none."""
        if name not in self.populations:
            raise ValueError(f"{key} must name a population ({', '.join(self.populations)}), found {name!r}")
        return self.populations[name]

    def _check_population(self, key: str, population: PopulationSpec) -> None:
        if population.model in MODELS:
            try:
                MODELS[population.model].propagators(population, self.dt_ms)
            except ValueError as error:
                raise ValueError(f"{key}.{error}") from error

    def _check_connection(self, key: str, connection: Connection) -> None:
        pre = self.population(f"{key}.pre", connection.pre)
        post = self.population(f"{key}.post", connection.post)
        channels = MODELS[post.model].channels if post.model in MODELS else ()
        if not channels:
            raise ValueError(f"{key}.post must be a population that takes input, found {connection.post!r}")
        if len(channels) > 1 and pre.effect == "mixed":
            raise ValueError(
                f"populations.{connection.pre}.effect must be excitatory or inhibitory, since {connection.post!r} "
                f"({post.model}) tells them apart"
            )
        shape = (pre.size, post.size)
        try:
            connection.pattern.check(*shape, connection.pre == connection.post)
            delay_range(connection.delay_ms, self.dt_ms)
        except ValueError as error:
            raise ValueError(f"{key}.{error}") from error
        if connection.rule is not None:
            self._check_rule(key, connection, post)
        self._check_weights(key, connection, pre, shape)

    def _check_rule(self, key: str, connection: Connection, post: PopulationSpec) -> None:
        own = connection.rule
        assert own is not None
        rule = RULES[own.name]
        for name, population in own.references().items():
            if isinstance(self.population(f"{key}.rule.{name}", population), SpikeSource):
                raise ValueError(f"{key}.rule.{name} must be a population of neurons, found {population!r}")
        missing = [variable for variable in rule.needs if variable not in MODELS[post.model].variables]
        if missing:
            raise ValueError(
                f"{key}.rule {rule.name} needs a postsynaptic model with {', '.join(rule.needs)}; {connection.post!r} "
                f"({post.model}) has no {', '.join(missing)}"
            )
        if rule.models and post.model not in rule.models:
            raise ValueError(
                f"{key}.rule {rule.name} needs a postsynaptic model of {', '.join(rule.models)}; {connection.post!r} "
                f"is {post.model}"
            )
        if rule.check is not None:
            try:
                rule.check(own, post)
            except ValueError as error:
                raise ValueError(f"{key}.rule {rule.name}: {connection.post!r}: {error}") from error

    def _check_weights(self, key: str, connection: Connection, pre: PopulationSpec, shape: tuple[int, int]) -> None:
        weights = connection.weights
        if isinstance(weights, ExplicitWeights):
            if not _is_matrix(weights.values_na, shape):
                raise ValueError(f"{key}.weights.values_na must have {shape[0]} rows of {shape[1]}")
            extremes = [min(map(min, weights.values_na)), max(map(max, weights.values_na))]
        elif isinstance(weights, UniformWeights):
            extremes = [weights.low_na, weights.high_na]
        elif isinstance(weights, ConstantWeights):
            extremes = [weights.value_na]
        else:
            return  # drawn within the bounds
        low, high = self.weight_bounds(connection)
        if not all(low <= value <= high for value in extremes):
            owner = f"rule.w_max_na = {high}" if connection.rule is not None else f"{pre.effect} population"
            raise ValueError(f"{key}.weights must lie in [{low:g}, {high:g}] ({owner})")

    def weight_bounds(self, connection: Connection) -> tuple[float, float]:
        """The interval that a connection's weights lie in, nA: its rule's, and magnitudes where the effect is told."""
        low, high = connection.rule.bounds() if connection.rule is not None else (-math.inf, math.inf)
        return (low if self.populations[connection.pre].effect == "mixed" else max(low, 0.0)), high

    @property
    def dt_us(self) -> int:
        """Time step (us)."""
        return round(self.dt_ms * 1000)

    def to_yaml(self) -> str:
        """The description as a YAML file that reads back as the same."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    def sha256(self) -> str:
        """Hash of the description, the same for files that differ in comments, order of keys or spelt-out defaults."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def _is_matrix(rows: list[list[float]], shape: tuple[int, int]) -> bool:
    return len(rows) == shape[0] and all(len(row) == shape[1] for row in rows)


def load_network_spec(path: Path) -> NetworkSpec:
    """Read a network description (.yaml). Raises UserError with the file and the key."""
    return load_yaml(path, NetworkSpec)
