"""Converts a front of connected pixels into ordered lines."""

import math

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph


def polylines(front: np.ndarray) -> list[np.ndarray]:
    """Return the longest line through each component of a front; branches off that line are left out.

    The line is the longest of the shortest paths between two pixels, where a step has length 1 or, diagonally, sqrt(2).
    Two sweeps find it: the pixel farthest from any start is one end, the pixel farthest from that end the other. This
    is exact in a component without loops. Where branches leave a loop, a longer line may be missed, and the line takes
    the shorter side of the loop. A loop without branches is cut open, and the line goes all the way around.

    Args:
      front: bool [H, W], thin.

    Returns:
      int [n, 2] for each component, rows and columns from one end to the other, the upper end first. The longest line
      comes first. A single pixel is a line of one.
    """
    pixels = np.argwhere(front)
    if not len(pixels):
        return []
    graph = _graph(pixels, front.shape)
    _, components = csgraph.connected_components(graph, directed=False)
    graph = _with_loops_cut(graph, pixels, components)
    ends, _, _ = _farthest(graph, np.unique(components, return_index=True)[1], components)
    ends, lengths, before = _farthest(graph, ends, components)
    before = before.tolist()
    lines = [_longest_path(end, before) for end in ends[np.argsort(-lengths[ends], kind="stable")].tolist()]
    return [pixels[line if line[0] <= line[-1] else line[::-1]] for line in lines]


def _graph(pixels: np.ndarray, shape: tuple[int, ...]) -> sparse.csr_array:
    """Return float64 [n, n], sparse: the distances between those of n pixels that are 8-neighbours."""
    number = np.full((shape[0] + 2, shape[1] + 2), -1, np.int32)  # with a border, so that each pixel has 8 neighbours
    rows, columns = pixels.T + 1
    number[rows, columns] = np.arange(len(pixels))
    steps = []
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):  # the other four are these, reversed
        ends = number[rows + down, columns + right]
        starts = np.flatnonzero(ends >= 0)
        steps.append((starts, ends[starts], np.full(len(starts), math.hypot(down, right))))
    starts, ends, lengths = (np.concatenate(parts) for parts in zip(*steps, strict=True))
    forward = sparse.csr_array((lengths, (starts, ends)), shape=(len(pixels), len(pixels)))
    return forward + forward.T


def _with_loops_cut(graph: sparse.csr_array, pixels: np.ndarray, components: np.ndarray) -> sparse.csr_array:
    """Cut each component without an end between two pixels, unless the cut would divide it."""
    count, neighbours = len(pixels), np.diff(graph.indptr)
    thin = np.flatnonzero((neighbours == 2) & ~np.isin(components, components[neighbours < 2]))
    one, other = graph.indices[graph.indptr[thin]], graph.indices[graph.indptr[thin] + 1]
    apart = np.abs(pixels[one] - pixels[other]).max(axis=1) > 1  # else a diagonal step would bypass the cut
    _, first = np.unique(components[thin[apart]], return_index=True)
    cuts = np.stack([thin[apart][first], other[apart][first]]).astype(np.int64)
    if not cuts.size:
        return graph
    starts, ends = np.repeat(np.arange(count), neighbours), graph.indices

    def without(cuts: np.ndarray) -> sparse.csr_array:
        kept = ~np.isin(starts * count + ends, [cuts[0] * count + cuts[1], cuts[1] * count + cuts[0]])
        return sparse.csr_array((graph.data[kept], (starts[kept], ends[kept])), shape=graph.shape)

    _, parts = csgraph.connected_components(without(cuts), directed=False)
    return without(cuts[:, parts[cuts[0]] == parts[cuts[1]]])  # two loops with a bridge between them stay uncut


def _farthest(
    graph: sparse.csr_array, starts: np.ndarray, components: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sweep through all components at once, each from its start.

    Returns:
      int [components], the pixel farthest from the start; float64 [n], each pixel's distance from the start; int [n],
      the pixel before it on the shortest path, negative at the start.
    """
    lengths, before, _ = csgraph.dijkstra(graph, indices=starts, min_only=True, return_predecessors=True)
    farthest = ndimage.maximum_position(lengths, components, np.arange(len(starts)))
    return np.ravel(farthest), lengths, before


def _longest_path(end: int, before: list[int]) -> list[int]:
    """Return the pixels from `end` back to the start of the sweep."""
    path = []
    while end >= 0:
        path.append(end)
        end = before[end]
    return path
