"""TensorFlow's error messages in one readable sentence."""

import re

_LONGEST = 400  # characters; the rest are values from the request


def sentence(message: str) -> str:
    """Return the message of a TensorFlow error without its nodes and stack traces.

    Args:
      message: such as "Graph execution error: ... Invalid PNG data, size 60\\n\\t [[{{node DecodePng}}]] [Op:...]".
    """
    return _plain(message)[:_LONGEST]


def _plain(message: str) -> str:
    asserted = re.search(r"assertion failed: \[(.*?)\]((?: \[[^\[\]]*\])*)", message, re.DOTALL)
    if asserted:
        return asserted[1] + asserted[2]
    before_nodes = message.partition("[[")[0].strip()
    return re.sub(r"\{\{.*?\}\}|\[Op:.*?\]", "", before_nodes.splitlines()[-1]).strip() if before_nodes else message
