import pytest

from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import Diverged, Interrupted, UserError


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (None, 0, ""),
        (UserError("Give --data."), 2, "error: Give --data."),
        (Diverged("NaN at epoch 3."), 1, "error: NaN at epoch 3."),
        (Interrupted("saved", 15), 143, "saved"),
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
