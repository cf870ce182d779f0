"""Instruction sets of the processor, from Linux; unknown on other systems."""

import functools
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


@functools.cache
def features() -> frozenset[str]:
    """Return the words of /proc/cpuinfo, among them the processor's features, such as "avx512_bf16"."""
    return frozenset(_CPUINFO.read_text().split()) if _CPUINFO.exists() else frozenset()
