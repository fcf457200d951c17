"""What a controller is: a network, how events come in, how a command comes out, and the window of time."""

import operator
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from snn_core.control.critic import CriticSpec
from snn_core.control.decoders import DECODERS
from snn_core.control.decoders.base import Decoder, DecodingSpec
from snn_core.control.encoders import ENCODERS
from snn_core.control.encoders.base import Encoder, EncodingSpec
from snn_core.errors import UserError
from snn_core.files import load_yaml
from snn_core.network.spec import NetworkSpec, SpikeSource

NETWORKS = Path(__file__).parent / "networks"

if TYPE_CHECKING:
    Encoding = EncodingSpec
    Decoding = DecodingSpec
else:
    # Any encoder, and any decoder, that there is a file for, or that another package offers.
    Encoding = Annotated[reduce(operator.or_, (kind.spec for kind in ENCODERS.values())), Field(discriminator="code")]
    Decoding = Annotated[reduce(operator.or_, (kind.spec for kind in DECODERS.values())), Field(discriminator="code")]


class ControllerSpec(NetworkSpec):
    """A network with its encoder, its decoder and the window that it controls in. One YAML file holds all."""

    window_ms: float = Field(default=50.0, gt=0, le=1000, description="control window (ms)")
    encoder: Encoding | None = Field(default=None, description="null: a network that no robot is driven by")
    decoder: Decoding | None = None
    critic: CriticSpec | None = Field(
        default=None, exclude_if=lambda critic: critic is None, description="null: no reward is predicted"
    )

    @model_validator(mode="after")
    def _control_fits(self) -> "ControllerSpec":
        if not (self.window_ms * 1000).is_integer():
            raise ValueError(f"window_ms must be a whole number of microseconds, found {self.window_ms}")
        if self.window_us % self.dt_us:
            raise ValueError(f"window_ms must be a multiple of dt_ms ({self.dt_ms}), found {self.window_ms}")
        if self.encoder is not None:
            self._check_encoder(self.encoder)
        if self.decoder is not None:
            self._check_decoder(self.decoder)
        if self.critic is not None and isinstance(
            self.population("critic.population", self.critic.population), SpikeSource
        ):
            raise ValueError(f"critic.population must be a population of neurons, found {self.critic.population!r}")
        return self

    def _check_encoder(self, encoder: EncodingSpec) -> None:
        population = self.population("encoder.population", encoder.population)
        if not isinstance(population, SpikeSource):
            raise ValueError(f"encoder.population must be a spike_source, found {encoder.population!r}")
        pools = encoder.pooling.size
        if population.size != pools:
            raise ValueError(
                f"encoder.pooling gives {pools} inputs, population {encoder.population!r} has {population.size}"
            )
        try:
            encoder.check(self.dt_ms)
        except ValueError as error:
            raise ValueError(f"encoder.{error}") from error

    def _check_decoder(self, decoder: DecodingSpec) -> None:
        for key, name in decoder.populations().items():
            if isinstance(self.population(f"decoder.{key}", name), SpikeSource):
                raise ValueError(f"decoder.{key} must be a population of neurons, found {name!r}")
        try:
            decoder.check(self.decoded_sizes(decoder))
        except ValueError as error:
            raise ValueError(f"decoder.{error}") from error

    def decoded_sizes(self, decoder: DecodingSpec) -> dict[str, int]:
        """Sizes of the populations that a decoder reads."""
        return {name: self.populations[name].size for name in decoder.populations().values()}

    def driving_parts(self) -> tuple[EncodingSpec, DecodingSpec]:
        """Encoder and decoder. Raises UserError for a network without them."""
        if self.encoder is None or self.decoder is None:
            missing = "encoder" if self.encoder is None else "decoder"
            raise UserError(f"network {self.name!r}: {missing}: expected one, since a robot is to be driven; add it")
        return self.encoder, self.decoder

    @property
    def window_us(self) -> int:
        """Control window (us)."""
        return round(self.window_ms * 1000)

    @property
    def steps_per_window(self) -> int:
        """Network steps in a control window."""
        return self.window_us // self.dt_us


def make_encoder(spec: ControllerSpec, seed: int) -> Encoder:
    """The encoder that a description names; ``seed`` is of its random numbers. Raises UserError where there is none."""
    encoding, _ = spec.driving_parts()
    return ENCODERS[encoding.code].make(encoding, spec.dt_us, seed)


def make_decoder(spec: ControllerSpec) -> Decoder:
    """The decoder that a description names, at rest. Raises UserError where there is none."""
    _, decoding = spec.driving_parts()
    return DECODERS[decoding.code].make(decoding, spec.decoded_sizes(decoding), spec.window_us * 1e-6)


def network_path(name_or_path: str) -> Path:
    """The file of a shipped network (``lane``) or of a path that ends in .yaml. Raises UserError when there is none."""
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = NETWORKS / f"{name_or_path}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(file.stem for file in NETWORKS.glob("*.yaml")))
            raise UserError(f"network {name_or_path!r}: expected one of {known}, or the path of a .yaml file")
    return path


def load_controller_spec(name_or_path: str) -> ControllerSpec:
    """Read the description of a controller.

    name_or_path: of a shipped one (``lane``), or the path of a .yaml file. Raises UserError with the file and the key.
    """
    return load_yaml(network_path(name_or_path), ControllerSpec)
