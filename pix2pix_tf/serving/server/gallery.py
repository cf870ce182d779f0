"""Zone masks that the page offers as a start: the user's own, or simulated ones."""

import io
import threading
from pathlib import Path

from PIL import Image

from pix2pix_tf.prepare.simulation.sar import simulate_scene
from pix2pix_tf.utils.errors import UserError

SIMULATED = 8


class Gallery:
    """A list of masks; simulated ones are appended in the background."""

    def __init__(self):
        """Create an empty gallery."""
        self._masks: list[tuple[str, bytes | Path]] = []

    def names(self) -> list[str]:
        """Return the names of the masks, in order."""
        return [name for name, _ in self._masks]

    def png(self, number: int) -> bytes | None:
        """Return a mask's PNG file, or None if there is none or it is gone."""
        if not 0 <= number < len(self._masks):
            return None
        content = self._masks[number][1]
        try:
            return content if isinstance(content, bytes) else content.read_bytes()
        except OSError:
            return None

    def add_folder(self, folder: Path) -> None:
        """Add all PNGs of a folder.

        Raises:
          UserError: there is no PNG.
        """
        paths = sorted(path for path in folder.glob("*.png") if path.name[0] != ".")
        if not paths:
            raise UserError(f"There is no .png file in {folder}. --gallery takes a folder of zone masks.")
        self._masks += [(path.stem, path) for path in paths]

    def simulate(self, size: int) -> None:
        """Simulate masks in the background; each takes a second or less.

        Args:
          size: side of a mask, pixels.
        """
        threading.Thread(target=self._simulate, args=(size,), daemon=True).start()

    def _simulate(self, size: int) -> None:
        for seed in range(SIMULATED):
            file = io.BytesIO()
            Image.fromarray(simulate_scene(seed, size).zones).save(file, "PNG")
            self._masks.append((f"simulated {seed + 1}", file.getvalue()))
