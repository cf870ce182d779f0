import pytest

from pix2pix_tf.utils import errors


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gen55", "Unknown variant 'gen55'. Did you mean 'gen5'?"),
        ("xyz", "Unknown variant 'xyz'. There are: gen5, orig."),
        ("o" * 500, "Unknown variant '" + "o" * 59 + "...."),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_or_with_all(name, message):
    assert str(errors.did_you_mean("variant", name, ["orig", "gen5"])).startswith(message)


def test_foreign_values_and_texts_are_cut():
    assert errors.truncated_repr("a\nb") == "'a\\nb'"
    assert errors.truncated_repr([0] * 1000) == repr([0] * 1000)[: errors.LONGEST] + "..."
    assert errors.truncated_repr(10**5000) == "a very long number"
    assert errors.truncate("line\n  line") == "line line"
    assert errors.truncate("x" * 1000) == "x" * (4 * errors.LONGEST) + " ..."


def test_a_long_list_of_known_names_is_cut():
    message = str(errors.did_you_mean("option", "zzzzzz", [f"section.option_{number}" for number in range(500)]))
    assert message.startswith("Unknown option 'zzzzzz'. There are: section.option_0, ")
    assert message.endswith(" ....") and len(message) < 900
