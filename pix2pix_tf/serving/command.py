"""The commands run, predict and config. Heavy modules are imported only when a command needs them."""

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

from pix2pix_tf.serving.model_names import name_models
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.cli import Commands, command
from pix2pix_tf.utils.errors import UserError


def main(argv: list[str]) -> None:
    """Read the arguments and run the subcommand."""
    parser = cli.parser(
        "Serve exports, query servers, and write TF Serving's configuration. Each command has its own --help.",
        "  python -m pix2pix_tf.serving run --model runs/gen5/export/gen5\n"
        "  python -m pix2pix_tf.serving predict --url http://127.0.0.1:8501 --name gen5 mask.png -o sar.png\n"
        "  python -m pix2pix_tf.serving config runs/* --output deploy/models.config",
        "python -m pix2pix_tf.serving",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_run(commands)
    add_predict(commands)
    add_config(commands)
    arguments = parser.parse_args(argv)
    arguments.run(arguments)


def add_run(commands: Commands) -> None:
    """Add the command `run`: the local server."""
    new = command(
        commands,
        "run",
        "serve exports on this machine, with a page to paint on\n\n"
        "The server has TF Serving's REST interface and loads new versions while it runs. At Ctrl-C it answers the\n"
        "requests in flight and ends. It is for local use; for production, deploy/ runs TF Serving itself.",
        "  python -m pix2pix_tf.serving run --model runs/gen5/export/gen5 --open\n"
        "  python -m pix2pix_tf.serving run --model runs/gen5\n"
        "  python -m pix2pix_tf.serving run --model runs/gen5/export/gen5 --model old=runs/orig/export/orig\n"
        "  python -m pix2pix_tf.serving run --model runs/gen5/export/gen5 --label gen5/stable=200",
    )
    new.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="[NAME=]PATH",
        help="a run (serves the best epoch by best.json, or else the newest), a base path (serves the newest version), "
        "or a version; may be repeated",
    )
    new.add_argument("--newest", type=int, default=1, metavar="N", help="serve the newest N versions (default: 1)")
    new.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME/LABEL=VERSION",
        help="a label for a version, which stays loaded beside the newest; may be repeated",
    )
    new.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)")
    new.add_argument("--port", type=int, default=8501, help="port to listen on; 0: any free port (default: 8501)")
    new.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host name by which other machines reach this one; may be repeated",
    )
    new.add_argument("--gallery", type=Path, metavar="DIR", help="zone masks for the page (default: simulated ones)")
    new.add_argument("--max-pixels", type=int, metavar="N", help="limit of the pixels in a request (default: 4194304)")
    new.add_argument("--max-body", type=int, metavar="MIB", help="limit of the size of a request (default: 32)")
    new.add_argument("--max-waiting", type=int, metavar="N", help="limit of simultaneous requests (default: 64)")
    new.add_argument("--open", action="store_true", help="open the page in a browser")
    new.set_defaults(run=run_run)


def run_run(arguments: argparse.Namespace) -> None:
    """Start the server with the given options."""
    models = name_models(arguments.model)
    labels = read_labels(arguments.label, models)
    values = {"pixels": arguments.max_pixels, "waiting": arguments.max_waiting}
    values["body"] = arguments.max_body and arguments.max_body * 2**20
    given = {name: value for name, value in values.items() if value is not None}
    if arguments.newest < 1 or any(value < 1 for value in given.values()):
        raise UserError("--newest, --max-pixels, --max-body and --max-waiting take whole numbers from 1.")
    try:
        from pix2pix_tf.serving.server import limits, main
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is missing. Install it: pip install -r requirements-serve.txt") from None

    main.serve(
        main.Settings(
            models=models,
            labels=labels,
            newest=arguments.newest,
            host=arguments.host,
            port=arguments.port,
            allowed_hosts=arguments.allow_host,
            gallery=arguments.gallery,
            limits=limits.Limits(**given),
            open_page=arguments.open,
        )
    )


def read_labels(words: Sequence[str], models: Collection[str]) -> dict[str, dict[str, int]]:
    """Parse --label; return versions by label for each model.

    Raises:
      UserError: a word is not NAME/LABEL=VERSION, or names another model.
    """
    labels: dict[str, dict[str, int]] = {}
    for word in words:
        name, _, label = word.partition("=")[0].partition("/")
        version = word.partition("=")[2]
        if name not in models or not label.isidentifier() or not version.isdecimal():
            raise UserError(f"--label {word}: give NAME/LABEL=VERSION; the models are {', '.join(models)}.")
        labels.setdefault(name, {})[label] = int(version)
    return labels


def add_predict(commands: Commands) -> None:
    """Add the command `predict`: a client."""
    new = command(
        commands,
        "predict",
        "generate an image on a server\n\nThe server is the local one or TF Serving.",
        "  python -m pix2pix_tf.serving predict --url http://127.0.0.1:8501 --name gen5 mask.png -o sar.png --seed 7\n"
        "  python -m pix2pix_tf.serving predict --grpc 127.0.0.1:8500 --name gen5 --label stable mask.png -o sar.png\n"
        "  python -m pix2pix_tf.serving predict --name glacier mask.png -o sar.png --condition sensor=TSX\n"
        "  python -m pix2pix_tf.serving predict --name high zones=mask.png elevation=dem.png -o sar.png",
    )
    server = new.add_mutually_exclusive_group()
    server.add_argument(
        "--url", default="http://127.0.0.1:8501", help="address for REST (default: http://127.0.0.1:8501)"
    )
    server.add_argument("--grpc", metavar="HOST:PORT", help="address for gRPC, in place of REST")
    new.add_argument("--name", required=True, help="name of the model")
    which = new.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, metavar="N", help="version of the model (default: the newest)")
    which.add_argument("--label", help="label of the version, such as stable")
    new.add_argument(
        "images", nargs="+", metavar="[ROLE=]FILE", help="a PNG; for a model with several inputs, one for each role"
    )
    new.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="the PNG to write; an existing file is not overwritten",
    )
    new.add_argument("--seed", type=int, default=0, help="the same seed gives the same image (default: 0)")
    new.add_argument(
        "--condition", action="append", default=[], metavar="KEY=VALUE", help="such as sensor=TSX; may be repeated"
    )
    new.add_argument(
        "--style", default="", help="for a model with styles: random, or scene:NAME (default: drawn by the seed)"
    )
    new.add_argument(
        "--timeout", type=float, default=60.0, metavar="SECONDS", help="time limit of a response (default: 60)"
    )
    new.set_defaults(run=run_predict)


def run_predict(arguments: argparse.Namespace) -> None:
    """Send one request and write its images."""
    from pix2pix_tf.serving.client import rest_client

    if not -(2**31) <= arguments.seed < 2**31:
        raise UserError(f"--seed {arguments.seed} must be a whole number of 32 bit.")
    if arguments.output.exists():
        raise UserError(f"{arguments.output} exists already. Choose another --output.")
    images = read_images(arguments.images)
    model = rest_client.ModelSpec(arguments.name, arguments.version, arguments.label)
    if arguments.grpc:
        from pix2pix_tf.serving.client.grpc_client import GrpcClient

        server: rest_client.RestClient | GrpcClient = GrpcClient(arguments.grpc, arguments.timeout)
    else:
        server = rest_client.RestClient(arguments.url, arguments.timeout)
    outputs = rest_client.generate(server, model, images, arguments.seed, arguments.condition, arguments.style)
    for name, png in outputs.items():
        several = len(outputs) > 1
        path = arguments.output.with_stem(f"{arguments.output.stem}_{name.removesuffix('_bytes')}")
        with files.atomic_write(path if several else arguments.output) as temporary:
            temporary.write_bytes(png)
        print(path if several else arguments.output)


def read_images(words: Sequence[str]) -> dict[str, bytes]:
    """Read the given files, by role; "" for a file without a role.

    Raises:
      UserError: a file cannot be read, or a role has several.
    """
    images = {}
    for word in words:
        role, _, name = word.rpartition("=")
        if role in images:
            raise UserError(f"{word}: with several images each needs a role of its own, such as elevation=dem.png.")
        try:
            images[role] = Path(name).read_bytes()
        except OSError as error:
            raise UserError(f"{name} cannot be read ({error.strerror}).") from None
    return images


def add_config(commands: Commands) -> None:
    """Add the command `config`: TF Serving's model configuration."""
    new = command(
        commands,
        "config",
        "write TF Serving's configuration for exports\n\n"
        "Each model has two labels: canary is the newest version, and stable stays where it is until --stable moves\n"
        "it. If evaluate.py --select has chosen an epoch, that has the label best. deploy/README.md shows how to roll\n"
        "forward and back.",
        "  python -m pix2pix_tf.serving config runs/*\n"
        "  python -m pix2pix_tf.serving config runs/gen5 best=runs/orig --output deploy/models.config\n"
        "  python -m pix2pix_tf.serving config runs/* --stable gen5=200\n"
        "  python -m pix2pix_tf.serving config runs/* --stable gen5=best\n"
        "  python -m pix2pix_tf.serving config pretrained/glacier",
    )
    new.add_argument(
        "paths",
        nargs="+",
        metavar="[NAME=]PATH",
        help="runs (those without an export are left out), or base paths such as pretrained/glacier",
    )
    new.add_argument(
        "--output",
        type=Path,
        default=Path("deploy/models.config"),
        metavar="FILE",
        help="the file to write (default: deploy/models.config); the labels in an existing file are kept",
    )
    new.add_argument(
        "--mount",
        default="/models",
        metavar="DIR",
        help="where the server mounts the folder of the runs or base paths (default: /models)",
    )
    new.add_argument(
        "--stable",
        action="append",
        default=[],
        metavar="NAME=VERSION",
        help="the version to label stable; best: the one in the run's best.json",
    )
    new.set_defaults(run=run_config)


def run_config(arguments: argparse.Namespace) -> None:
    """Write the configuration and print its labels."""
    stable = {}
    for word in arguments.stable:
        name, _, version = word.partition("=")
        if version != "best" and not version.isdecimal():
            raise UserError(f"--stable {word}: give NAME=VERSION, such as gen5=200 or gen5=best.")
        stable[name] = version if version == "best" else int(version)

    from pix2pix_tf.serving import (
        tf_serving_config,  # TensorFlow: some seconds, which a mistyped option should not cost
    )

    for line in tf_serving_config.write_config(arguments.paths, arguments.output, arguments.mount, stable):
        print(line)
    print(f"configuration: {arguments.output}")
