"""Zone masks to begin from, for the page: the user's own, or simulated ones."""

import io
import threading
from pathlib import Path

from PIL import Image

from pix2pix_tf.prepare.simulation.sar import simulate_scene
from pix2pix_tf.utils.errors import UserError

SIMULATED = 8


class Gallery:
    """A list of masks that may still grow."""

    def __init__(self):
        """Nothing is in it yet."""
        self._masks: list[tuple[str, bytes | Path]] = []

    def names(self) -> list[str]:
        """What the masks are called, in their order."""
        return [name for name, _ in self._masks]

    def png(self, number: int) -> bytes | None:
        """The file of a mask; None where there is none, or no longer."""
        if not 0 <= number < len(self._masks):
            return None
        content = self._masks[number][1]
        try:
            return content if isinstance(content, bytes) else content.read_bytes()
        except OSError:
            return None

    def take(self, folder: Path) -> None:
        """Takes all PNGs of a folder.

        Raises:
          UserError: there is none.
        """
        found = sorted(path for path in folder.glob("*.png") if path.name[0] != ".")
        if not found:
            raise UserError(f"There is no .png file in {folder}. --gallery takes a folder of zone masks.")
        self._masks += [(path.stem, path) for path in found]

    def simulate(self, size: int) -> None:
        """Simulates masks in the background, a second or less each.

        Args:
          size: pixels a side.
        """
        threading.Thread(target=self._simulate, args=(size,), daemon=True).start()

    def _simulate(self, size: int) -> None:
        for seed in range(SIMULATED):
            file = io.BytesIO()
            Image.fromarray(simulate_scene(seed, size).zones).save(file, "PNG")
            self._masks.append((f"simulated {seed + 1}", file.getvalue()))
