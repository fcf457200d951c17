"""``spikedrive nir`` and ``spikedrive weights``: networks to and from other programs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

nir_app = typer.Typer(help="Networks to and from NIR, which other simulators read and write.", no_args_is_help=True)
weights_app = typer.Typer(help="Weights to and from NumPy's .npz.", no_args_is_help=True)

NetworkArgument = Annotated[
    str, typer.Argument(metavar="NETWORK", help="A shipped network, a .yaml file, or a checkpoint (.npz).")
]
SeedOption = Annotated[
    int, typer.Option(min=0, max=2**31 - 1, help="Seed of synapses and initial weights, for a network without them.")
]


class TargetName(StrEnum):
    """Simulators that read NIR."""

    NORSE = "norse"
    SNNTORCH = "snntorch"


class IntegrationName(StrEnum):
    """How neurons are integrated."""

    EXACT = "exact"
    EULER = "euler"


class ResetName(StrEnum):
    """What a spike does to the membrane."""

    VALUE = "value"
    SUBTRACT = "subtract"
    ZERO = "zero"
    SUBTRACT_LATE = "subtract_late"


class TimeUnit(StrEnum):
    """Unit of a file's times."""

    S = "s"
    MS = "ms"


class SpikeMeaning(StrEnum):
    """What a spike is."""

    PULSE = "pulse"
    JUMP = "jump"


@nir_app.command("export")
def export_nir(
    network: NetworkArgument,
    out: Annotated[Path, typer.Argument(help="NIR file to write (.nir).")],
    seed: SeedOption = 0,
    drop_plasticity: Annotated[
        bool,
        typer.Option("--drop-plasticity", help="Leave learning rules out, instead of refusing them."),
    ] = False,
    target: Annotated[
        TargetName | None, typer.Option(help="Refuse what this simulator would drop.", show_default="any")
    ] = None,
) -> None:
    """Write a network with its weights as a NIR graph."""
    from snn_core.control.checkpoint import load_network
    from snn_core.control.nir import controller_to_nir
    from snn_core.files import check_writable
    from snn_core.network.interchange.nir_files import write_nir

    check_writable(out)
    exported = controller_to_nir(load_network(network, seed), drop_plasticity, target.value if target else None)
    write_nir(out, exported)
    _print_notes(exported.notes)


@nir_app.command("import")
def import_nir(
    file: Annotated[Path, typer.Argument(help="NIR file to read.")],
    out: Annotated[Path, typer.Argument(help="Network file to write (.yaml); large weights go into .npz beside it.")],
    dt_ms: Annotated[
        float | None, typer.Option(min=0.001, max=10, help="Time step (ms).", show_default="the file's")
    ] = None,
    integration: Annotated[
        IntegrationName | None, typer.Option(help="How neurons are integrated.", show_default="the file's, else euler")
    ] = None,
    reset: Annotated[
        ResetName | None,
        typer.Option(
            help="What a spike does; subtract_late is snnTorch's default.", show_default="the file's, else value"
        ),
    ] = None,
    refractory_ms: Annotated[
        float | None, typer.Option(min=0, help="Refractory period (ms).", show_default="the file's, else 0")
    ] = None,
    time_unit: Annotated[TimeUnit, typer.Option(help="Unit of the file's times.")] = TimeUnit.S,
    spike: Annotated[
        SpikeMeaning,
        typer.Option(help="A pulse of one step, or a jump of the current by w_in (Norse's LIFCell)."),
    ] = SpikeMeaning.PULSE,
) -> None:
    """Make a network file of a NIR graph."""
    from snn_core.control.nir import controller_from_nir
    from snn_core.errors import UserError
    from snn_core.files import check_writable
    from snn_core.network.interchange.nir_neurons import Options

    if out.suffix not in (".yaml", ".yml"):
        raise UserError(f"{out}: expected a file's name that ends in .yaml")
    check_writable(out)
    options = Options(
        dt_ms=dt_ms,
        integration=integration.value if integration else None,
        reset=reset.value if reset else None,
        refractory_ms=refractory_ms,
        time_unit=time_unit.value,
        spike=spike.value,
    )
    imported = controller_from_nir(file, options)
    imported.save(out)
    _print_notes(imported.notes)


@weights_app.command("export")
def export_weights(
    network: NetworkArgument,
    out: Annotated[Path, typer.Argument(help="File to write (.npz).")],
    seed: SeedOption = 0,
) -> None:
    """Write the weights of a network or checkpoint."""
    from snn_core.control.checkpoint import load_network
    from snn_core.files import check_writable
    from snn_core.network.interchange.weight_files import write_weights

    check_writable(out)
    write_weights(out, load_network(network, seed))


@weights_app.command("import")
def import_weights(
    weights: Annotated[Path, typer.Argument(help="File that `weights export` wrote (.npz).")],
    network: NetworkArgument,
    out: Annotated[Path, typer.Argument(help="Checkpoint to write (.npz).")],
    seed: SeedOption = 0,
    any_network: Annotated[
        bool, typer.Option("--any-network", help="Use weights of another description, if its connections are the same.")
    ] = False,
) -> None:
    """Make a checkpoint of a network or checkpoint, with the weights of a file."""
    from snn_core.control.checkpoint import controller_from_checkpoint, save_checkpoint
    from snn_core.control.controller import Controller
    from snn_core.control.safety import SafetyLimits
    from snn_core.control.spec import load_controller_spec
    from snn_core.files import check_writable
    from snn_core.network.interchange.weight_files import read_weights

    check_writable(out)
    limits = SafetyLimits()
    if Path(network).suffix == ".npz":
        controller = controller_from_checkpoint(Path(network), limits)
    else:
        controller = Controller(load_controller_spec(network), limits, seed)
    read_weights(weights, controller.network, any_network)
    save_checkpoint(out, controller)


def _print_notes(notes: list[str]) -> None:
    from spikedrive_nodes.cli.progress import console

    for note in notes:
        console.print(f"note: {note}", soft_wrap=True, highlight=False, markup=False)
