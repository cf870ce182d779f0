"""The commands `run`, `predict` and `config`: their options, and the calls they lead to. Slow imports come last."""

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
    """Adds the command that starts the local server."""
    new = command(
        commands,
        "run",
        "serves exports on this machine, with a page to paint on\n\n"
        "It speaks TF Serving's REST interface, takes up new versions while it runs, and stops at Ctrl-C when it has\n"
        "answered what it was asked. It is for a desk; deploy/ has TF Serving itself.",
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
        help="a run, whose best epoch is served (by best.json; else the newest), or an export: a base path, whose "
        "newest version is served, or a version; may be given several times",
    )
    new.add_argument("--newest", type=int, default=1, metavar="N", help="serve the newest N versions (default: 1)")
    new.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME/LABEL=VERSION",
        help="a label for a version, which stays loaded beside the newest; may be given several times",
    )
    new.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)")
    new.add_argument("--port", type=int, default=8501, help="port to listen on; 0: any that is free (default: 8501)")
    new.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a name under which others reach this machine; may be given several times",
    )
    new.add_argument("--gallery", type=Path, metavar="DIR", help="zone masks for the page (default: simulated ones)")
    new.add_argument("--max-pixels", type=int, metavar="N", help="of all images of a request (default: 4194304)")
    new.add_argument("--max-body", type=int, metavar="MIB", help="size of a request (default: 32)")
    new.add_argument("--max-waiting", type=int, metavar="N", help="requests at a time (default: 64)")
    new.add_argument("--open", action="store_true", help="open the page in a browser")
    new.set_defaults(run=run_run)


def run_run(arguments: argparse.Namespace) -> None:
    """From options to a running server."""
    models = name_models(arguments.model)
    labels = read_labels(arguments.label, models)
    bounds = {"pixels": arguments.max_pixels, "waiting": arguments.max_waiting}
    bounds["body"] = arguments.max_body and arguments.max_body * 2**20
    given = {name: value for name, value in bounds.items() if value is not None}
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
    """What --label says: for each model, versions by label.

    Raises:
      UserError: it says something else.
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
    """Adds the command that asks a server."""
    new = command(
        commands,
        "predict",
        "asks a server to paint an image\n\nThe server is the local one or TF Serving.",
        "  python -m pix2pix_tf.serving predict --url http://127.0.0.1:8501 --name gen5 mask.png -o sar.png --seed 7\n"
        "  python -m pix2pix_tf.serving predict --grpc 127.0.0.1:8500 --name gen5 --label stable mask.png -o sar.png\n"
        "  python -m pix2pix_tf.serving predict --name told mask.png -o sar.png --condition sensor=TSX\n"
        "  python -m pix2pix_tf.serving predict --name high zones=mask.png elevation=dem.png -o sar.png",
    )
    server = new.add_mutually_exclusive_group()
    server.add_argument("--url", default="http://127.0.0.1:8501", help="REST (default: http://127.0.0.1:8501)")
    server.add_argument("--grpc", metavar="HOST:PORT", help="gRPC, in place of REST")
    new.add_argument("--name", required=True, help="of the model")
    which = new.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, metavar="N", help="default: the newest")
    which.add_argument("--label", help="such as stable")
    new.add_argument("images", nargs="+", metavar="[ROLE=]FILE", help="a PNG; with several inputs one for each role")
    new.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the PNG to make; one that is there is kept"
    )
    new.add_argument("--seed", type=int, default=0, help="the same seed gives the same image (default: 0)")
    new.add_argument(
        "--condition", action="append", default=[], metavar="KEY=VALUE", help="such as sensor=TSX; may be repeated"
    )
    new.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="for an answer (default: 60)")
    new.set_defaults(run=run_predict)


def run_predict(arguments: argparse.Namespace) -> None:
    """From options to an image."""
    from pix2pix_tf.serving.client import rest_client

    if not -(2**31) <= arguments.seed < 2**31:
        raise UserError(f"--seed {arguments.seed} must be a whole number of 32 bit.")
    if arguments.output.exists():
        raise UserError(f"{arguments.output} is there already. Choose another --output.")
    images = read_images(arguments.images)
    which = rest_client.Which(arguments.name, arguments.version, arguments.label)
    if arguments.grpc:
        from pix2pix_tf.serving.client.grpc_client import GrpcClient

        server: rest_client.RestClient | GrpcClient = GrpcClient(arguments.grpc, arguments.timeout)
    else:
        server = rest_client.RestClient(arguments.url, arguments.timeout)
    painted = rest_client.paint(server, which, images, arguments.seed, arguments.condition)
    for name, png in painted.items():
        several = len(painted) > 1
        path = arguments.output.with_stem(f"{arguments.output.stem}_{name.removesuffix('_bytes')}")
        with files.atomic_write(path if several else arguments.output) as temporary:
            temporary.write_bytes(png)
        print(path if several else arguments.output)


def read_images(words: Sequence[str]) -> dict[str, bytes]:
    """The files that are named, by role; "" for one without a role.

    Raises:
      UserError: one cannot be read, or there are several for a role.
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
    """Adds the command that writes TF Serving's model configuration."""
    new = command(
        commands,
        "config",
        "writes the configuration of TF Serving for the exports of runs\n\n"
        "Each model has two labels: canary, the newest version, and stable, which stays where it is until --stable\n"
        "moves it; and a third, best, where evaluate.py --select has chosen. deploy/README.md tells how to roll\n"
        "forward and back.",
        "  python -m pix2pix_tf.serving config runs/*\n"
        "  python -m pix2pix_tf.serving config runs/gen5 best=runs/orig --output deploy/models.config\n"
        "  python -m pix2pix_tf.serving config runs/* --stable gen5=200\n"
        "  python -m pix2pix_tf.serving config runs/* --stable gen5=best",
    )
    new.add_argument("runs", nargs="+", metavar="[NAME=]RUN", help="folders of runs; those without export are left out")
    new.add_argument(
        "--output",
        type=Path,
        default=Path("deploy/models.config"),
        metavar="FILE",
        help="default: deploy/models.config; when it is there, its labels are kept and it is made anew",
    )
    new.add_argument(
        "--mount",
        default="/models",
        metavar="DIR",
        help="the runs' folder as the server sees it (default: /models)",
    )
    new.add_argument(
        "--stable",
        action="append",
        default=[],
        metavar="NAME=VERSION",
        help="call this version stable; best: the one that the run's best.json names",
    )
    new.set_defaults(run=run_config)


def run_config(arguments: argparse.Namespace) -> None:
    """From options to a file."""
    stable = {}
    for word in arguments.stable:
        name, _, version = word.partition("=")
        if version != "best" and not version.isdecimal():
            raise UserError(f"--stable {word}: give NAME=VERSION, such as gen5=200 or gen5=best.")
        stable[name] = version if version == "best" else int(version)

    from pix2pix_tf.serving import tf_serving_config  # TensorFlow: some seconds, which no mistake above has to wait for

    for line in tf_serving_config.write_config(arguments.runs, arguments.output, arguments.mount, stable):
        print(line)
    print(f"written: {arguments.output}")
