import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pix2pix_tf import command
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import Diverged, Interrupted, UserError


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (None, 0, ""),
        (UserError("Give --data."), 2, "error: Give --data."),
        (Diverged("NaN at epoch 3."), 1, "error: NaN at epoch 3."),
        (Interrupted("saved", 15), 143, "saved"),
        (UnicodeEncodeError("utf-8", "J\udcf6kull", 1, 2, "surrogates not allowed"), 2, "'J\\udcf6kull' is no UTF-8"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(28, "No space left on device", "x.png"), 1, "x.png"),
    ],
)
def test_how_a_command_ends(error, code, sentence, capsys):
    def main(_):
        if error:
            raise error

    assert cli.run(main, []) == code
    assert sentence in capsys.readouterr().err


def test_debug_shows_the_traceback():
    def main(_):
        raise UserError("wrong")

    with pytest.raises(UserError):
        cli.run(main, ["--debug"])


def test_an_unforeseen_error_keeps_its_traceback():
    def main(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli.run(main, [])


# ---- Commands as they are typed -------------------------------------------------------------------------------------


@pytest.fixture
def typed(monkeypatch):
    """Pretends that the user typed a program."""

    def pretend(program):
        monkeypatch.setattr(cli, "program", lambda: program)

    return pretend


@pytest.mark.parametrize(
    ("program", "train", "serve"),
    [
        ("python train.py", "python train.py", "python -m pix2pix_tf.serving"),
        ("pix2pix-tf", "pix2pix-tf train", "pix2pix-tf serve"),
        ("python -m pix2pix_tf", "python -m pix2pix_tf train", "python -m pix2pix_tf serve"),
    ],
)
def test_help_and_errors_show_commands_as_the_user_types_them(program, train, serve, typed, capsys):
    typed(program)
    for words, expected in ((["train", "--help"], train), (["serve", "run", "--help"], f"{serve} run")):
        with pytest.raises(SystemExit, match="0"):
            command.main(words)
        text = capsys.readouterr().out
        assert text.startswith(f"usage: {expected} ")
        assert f"\n  {expected} --" in text.split("\nexamples:\n")[1]

    def main(_):
        raise UserError("Train first: python train.py --variant zones")

    assert cli.run(main, []) == 2
    assert f"Train first: {train} --variant" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "argument", "program"),
    [
        (None, "/somewhere/train.py", "python train.py"),
        (None, "/usr/bin/pix2pix-tf", "pix2pix-tf"),
        (None, "C:/Scripts/pix2pix-tf.exe", "pix2pix-tf"),
        ("pix2pix_tf.prepare.__main__", "x", "python -m pix2pix_tf.prepare"),
        ("benchmarks.speed.floor", "x", "python -m benchmarks.speed.floor"),
    ],
)
def test_the_program_is_named_as_it_was_started(module, argument, program, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", module and type("Spec", (), {"name": module}))
    monkeypatch.setattr(sys, "argv", [argument])
    assert cli.program() == program


@pytest.mark.parametrize("name", command.COMMANDS)
def test_every_command_has_help_with_an_example_of_its_own(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        command.main([name, "--help"])
    assert f"\n  {cli.IN_CHECKOUT[name]} " in capsys.readouterr().out.split("\nexamples:")[1]


@pytest.mark.parametrize("name", command.COMMANDS)
def test_the_usage_of_every_command_is_as_installed(name, typed, capsys):
    typed("pix2pix-tf")
    with pytest.raises(SystemExit, match="0"):
        command.main([name, "--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: pix2pix-tf {name} ") and "python" not in text


def test_the_program_lists_its_commands_and_suggests_the_nearest(capsys):
    assert command.COMMANDS.keys() == cli.IN_CHECKOUT.keys()
    for words in ([], ["--help"]):
        with pytest.raises(SystemExit, match="0"):
            command.main(words)
        text = capsys.readouterr().out
        assert text.startswith("usage: pix2pix-tf COMMAND ...\n")
        assert all(f"\n  {name} " in text for name in command.COMMANDS)
    with pytest.raises(UserError, match="Did you mean 'train'"):
        command.main(["trian"])


def test_a_stop_signal_is_collected_and_the_handler_restored():
    before = signal.getsignal(signal.SIGTERM)
    with cli.stop_signals() as received:
        signal.raise_signal(signal.SIGTERM)
    assert received == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_thread_of_a_notebook_runs_without_stop_signals():
    def work():
        with cli.stop_signals() as received:
            return received

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == []
