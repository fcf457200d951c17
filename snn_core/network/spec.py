"""What a network is: the YAML description, checked by pydantic, and its hash."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, model_validator

from snn_core.errors import UserError
from snn_core.files import StrictModel, load_yaml

NETWORKS = Path(__file__).parent / "networks"


class LifParameters(StrictModel):
    """Leaky integrate-and-fire neuron with an exponential synaptic current; see ``snn_core.network.neurons``."""

    tau_membrane_ms: float = Field(default=20.0, gt=0)
    tau_synapse_ms: float = Field(default=5.0, gt=0)
    resistance_mohm: float = Field(default=10.0, gt=0)
    rest_mv: float = -65.0
    reset_mv: float = -65.0
    threshold_mv: float = -50.0
    refractory_ms: float = Field(default=2.0, ge=0)
    bias_current_na: float = 0.0

    @model_validator(mode="after")
    def _reset_lies_below_threshold(self) -> "LifParameters":
        if self.reset_mv >= self.threshold_mv:
            raise ValueError(f"reset_mv must lie below threshold_mv ({self.threshold_mv}), found {self.reset_mv}")
        return self


class SpikeSource(StrictModel):
    """An input population: it spikes when the encoder says so."""

    model: Literal["spike_source"]
    size: int = Field(ge=1, le=1_000_000)


class LifPopulation(StrictModel):
    """A population of LIF neurons with common parameters."""

    model: Literal["lif"]
    size: int = Field(ge=1, le=1_000_000)
    parameters: LifParameters = Field(default_factory=LifParameters)


Population = Annotated[SpikeSource | LifPopulation, Field(discriminator="model")]


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


Weights = Annotated[ConstantWeights | UniformWeights | ExplicitWeights, Field(discriminator="distribution")]


class RewardModulatedStdp(StrictModel):
    """R-STDP with eligibility traces; see ``snn_core.network.plasticity``."""

    name: Literal["r_stdp"] = "r_stdp"
    learning_rate_per_ms: float = Field(ge=0, description="nA per ms at an eligibility and a reward of 1")
    w_max_na: float = Field(gt=0, description="weights are clipped to [0, w_max_na]")
    a_plus: float = Field(default=1.0, ge=0)
    a_minus: float = Field(default=1.0, ge=0)
    tau_plus_ms: float = Field(default=20.0, gt=0)
    tau_minus_ms: float = Field(default=20.0, gt=0)
    tau_eligibility_ms: float = Field(default=1000.0, gt=0)
    tau_reward_ms: float | None = Field(default=200.0, gt=0, description="null: the reward holds until the next window")


class Connection(StrictModel):
    """Synapses from one population to another: all-to-all, or those of a mask."""

    pre: str
    post: str
    mask: list[list[bool]] | None = Field(default=None, description="a row per presynaptic neuron; null: all-to-all")
    weights: Weights
    rule: RewardModulatedStdp | None = Field(default=None, description="null: the weights are fixed")


class Crop(StrictModel):
    """Pixels left out at each edge of the sensor."""

    top: int = Field(default=0, ge=0)
    bottom: int = Field(default=0, ge=0)
    left: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)


class PoolingSpec(StrictModel):
    """Rectangles of pixels, each an input neuron (two with ``polarity: separate``)."""

    sensor: tuple[int, int] | Literal["any"] = Field(
        default="any", description="width, height in pixels; any: the stream's"
    )
    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    crop: Crop = Field(default_factory=Crop)
    polarity: Literal["merged", "separate"] = "merged"

    @model_validator(mode="after")
    def _every_pool_has_pixels(self) -> "PoolingSpec":
        if self.sensor == "any":
            return self
        crop, (width, height) = self.crop, self.sensor
        for side, pools, pixels in (
            ("columns", self.columns, width - crop.left - crop.right),
            ("rows", self.rows, height - crop.top - crop.bottom),
        ):
            if pixels < pools:
                raise ValueError(f"{side} must be at most the {side} of pixels left by crop ({pixels}), found {pools}")
        return self

    @property
    def size(self) -> int:
        """Number of pools."""
        return self.rows * self.columns * (2 if self.polarity == "separate" else 1)


class PoissonEncoding(StrictModel):
    """Rate code of Bing et al. (2018); see ``snn_core.network.encoders.PoissonEncoder``."""

    code: Literal["poisson"]
    population: str
    pooling: PoolingSpec
    max_rate_hz: float = Field(default=300.0, gt=0)
    saturation_count: float = Field(default=15.0, gt=0, description="events of a window at which the rate is reached")


class EventDrivenEncoding(StrictModel):
    """A spike for every k-th event; see ``snn_core.network.encoders.EventDrivenEncoder``."""

    code: Literal["event_driven"]
    population: str
    pooling: PoolingSpec
    events_per_spike: int = Field(ge=1)


Encoding = Annotated[PoissonEncoding | EventDrivenEncoding, Field(discriminator="code")]


class SteeringDecoding(StrictModel):
    """Smoothed differential steering; see ``snn_core.control.steering``."""

    code: Literal["differential_steering"]
    population: str
    left: int = Field(default=0, ge=0)
    right: int = Field(default=1, ge=0)
    n_max: int = Field(default=15, ge=1, description="spikes in a window that count as full drive")
    v_min_m_s: float = Field(default=1.0, ge=0)
    v_max_m_s: float = Field(default=1.5, ge=0)
    turn_factor_m_s: float = Field(default=0.5, ge=0)
    wheel_base_m: float = Field(default=0.33, gt=0)

    @model_validator(mode="after")
    def _speeds_are_ordered(self) -> "SteeringDecoding":
        if self.v_min_m_s > self.v_max_m_s:
            raise ValueError(f"v_min_m_s must not exceed v_max_m_s ({self.v_max_m_s}), found {self.v_min_m_s}")
        return self


class NetworkSpec(StrictModel):
    """A whole network: populations, connections, how events come in and how a velocity comes out."""

    name: str
    dt_ms: float = Field(default=1.0, gt=0, le=10)
    window_ms: float = Field(default=50.0, gt=0, le=1000)
    populations: dict[str, Population]
    connections: list[Connection]
    encoder: Encoding
    decoder: SteeringDecoding

    @model_validator(mode="after")
    def _the_parts_fit(self) -> "NetworkSpec":
        for quantity in ("dt_ms", "window_ms"):
            if not (getattr(self, quantity) * 1000).is_integer():
                raise ValueError(f"{quantity} must be a whole number of microseconds, found {getattr(self, quantity)}")
        if self.window_us % self.dt_us:
            raise ValueError(f"window_ms must be a multiple of dt_ms ({self.dt_ms}), found {self.window_ms}")
        self._check_encoder()
        self._check_decoder()
        for index, connection in enumerate(self.connections):
            self._check_connection(f"connections.{index}", connection)
        return self

    def _population(self, key: str, name: str) -> SpikeSource | LifPopulation:
        if name not in self.populations:
            raise ValueError(f"{key} must name a population ({', '.join(self.populations)}), found {name!r}")
        return self.populations[name]

    def _check_encoder(self) -> None:
        population = self._population("encoder.population", self.encoder.population)
        if not isinstance(population, SpikeSource):
            raise ValueError(f"encoder.population must be a spike_source, found {self.encoder.population!r}")
        pools = self.encoder.pooling.size
        if population.size != pools:
            raise ValueError(
                f"encoder.pooling gives {pools} inputs, population {self.encoder.population!r} has {population.size}"
            )
        if isinstance(self.encoder, PoissonEncoding) and self.encoder.max_rate_hz * self.dt_ms > 1000:
            raise ValueError(f"encoder.max_rate_hz must be at most one spike a step ({1000 / self.dt_ms:g} Hz)")

    def _check_decoder(self) -> None:
        population = self._population("decoder.population", self.decoder.population)
        if not isinstance(population, LifPopulation):
            raise ValueError(f"decoder.population must be a population of neurons, found {self.decoder.population!r}")
        for side in ("left", "right"):
            if getattr(self.decoder, side) >= population.size:
                raise ValueError(f"decoder.{side} must be below the population's size {population.size}")

    def _check_connection(self, key: str, connection: Connection) -> None:
        pre = self._population(f"{key}.pre", connection.pre)
        post = self._population(f"{key}.post", connection.post)
        if isinstance(post, SpikeSource):
            raise ValueError(f"{key}.post must be a population of neurons, found spike source {connection.post!r}")
        shape = (pre.size, post.size)
        weights = connection.weights
        if connection.mask is not None and not _is_matrix(connection.mask, shape):
            raise ValueError(f"{key}.mask must have {shape[0]} rows of {shape[1]}")
        if isinstance(weights, ExplicitWeights):
            if not _is_matrix(weights.values_na, shape):
                raise ValueError(f"{key}.weights.values_na must have {shape[0]} rows of {shape[1]}")
            extremes = [min(map(min, weights.values_na)), max(map(max, weights.values_na))]
        elif isinstance(weights, UniformWeights):
            extremes = [weights.low_na, weights.high_na]
        else:
            extremes = [weights.value_na]
        if connection.rule is not None and not all(0 <= value <= connection.rule.w_max_na for value in extremes):
            raise ValueError(f"{key}.weights must lie in [0, rule.w_max_na = {connection.rule.w_max_na}]")

    @property
    def dt_us(self) -> int:
        """Time step (us)."""
        return round(self.dt_ms * 1000)

    @property
    def window_us(self) -> int:
        """Control window (us)."""
        return round(self.window_ms * 1000)

    @property
    def steps_per_window(self) -> int:
        """Network steps in a control window."""
        return self.window_us // self.dt_us

    def to_yaml(self) -> str:
        """The description as a YAML file that reads back as the same."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    def sha256(self) -> str:
        """Hash of the description, the same for files that differ in comments, order of keys or spelt-out defaults."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def _is_matrix(rows: list[list], shape: tuple[int, int]) -> bool:
    return len(rows) == shape[0] and all(len(row) == shape[1] for row in rows)


def network_path(name_or_path: str) -> Path:
    """The file of a shipped network (``lane``) or of a path that ends in .yaml. Raises UserError when there is none."""
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = NETWORKS / f"{name_or_path}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(file.stem for file in NETWORKS.glob("*.yaml")))
            raise UserError(f"network {name_or_path!r}: expected one of {known}, or the path of a .yaml file")
    return path


def load_network_spec(name_or_path: str) -> NetworkSpec:
    """Read a network description. Raises UserError with the file and the key."""
    return load_yaml(network_path(name_or_path), NetworkSpec)
