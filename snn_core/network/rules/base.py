"""What a learning rule is to the rest."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from pydantic import Field

from snn_core.files import StrictModel
from snn_core.network.models.base import PopulationSpec
from snn_core.network.synapses import Synapses, Wiring


class RuleSpec(StrictModel):
    """What every rule has. A rule's own class adds ``name: Literal[...]`` and its parameters.

    name: as a description names it.
    """

    name: str
    signal: str = Field(
        default="reward", min_length=1, description="what teaches it: the name of a signal that the task gives"
    )

    def bounds(self) -> tuple[float, float]:
        """The interval that weights are clipped to, nA."""
        raise NotImplementedError

    def references(self) -> dict[str, str]:
        """Populations that the rule reads, by the key that names them."""
        return {}


Description = TypeVar("Description", bound=RuleSpec)


class Rule(NamedTuple, Generic[Description]):
    """A learning rule, as its file gives it by the name ``RULE``."""

    name: str
    spec: type[Description]
    """The class of its description."""
    connect: Callable[[Wiring], Synapses]
    """(Wiring) -> Synapses: the state of a connection that learns by this rule."""
    needs: tuple[str, ...] = ()
    """State variables that the postsynaptic model must have."""
    models: tuple[str, ...] = ()
    """The postsynaptic models that it can learn with, where having these variables is not enough."""
    check: Callable[[Description, PopulationSpec], None] | None = None
    """(its description, the postsynaptic population): raises ValueError where the one does not fit the other."""
