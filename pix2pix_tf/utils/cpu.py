"""What the processor computes with, as Linux tells it; on other systems nothing is known."""

import functools
from pathlib import Path

_TOLD = Path("/proc/cpuinfo")


@functools.cache
def features() -> frozenset[str]:
    """The processor's instruction sets and the like by their names in Linux, such as "avx512_bf16"."""
    return frozenset(_TOLD.read_text().split()) if _TOLD.exists() else frozenset()
