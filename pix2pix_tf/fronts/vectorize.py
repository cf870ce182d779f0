"""A front as ordered lines: from pixels that touch to ways from one end to the other."""

import math

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph


def polylines(front: np.ndarray) -> list[np.ndarray]:
    """Orders the pixels of a front: the longest line through each of its pieces; branches off that line are left out.

    The line is the longest among the shortest ways from one pixel to another, a step counting 1 or, over a corner,
    sqrt(2). Two sweeps find it: what is farthest from any pixel is one end, what is farthest from there the other. In a
    piece without loops that is exact; where a loop hangs on branches, a longer line may be missed, and of the loop
    itself the shorter side is taken. A loop on its own is cut open, and the line goes all the way around.

    Args:
      front: bool [H, W], thin.

    Returns:
      int [n, 2] for each piece, rows and columns from one end to the other, beginning with the upper end. The longest
      first. A pixel on its own is a line of one.
    """
    pixels = np.argwhere(front)
    if not len(pixels):
        return []
    graph = _graph(pixels, front.shape)
    _, pieces = csgraph.connected_components(graph, directed=False)
    graph = _with_loops_cut(graph, pixels, pieces)
    ends, _, _ = _farthest(graph, np.unique(pieces, return_index=True)[1], pieces)
    ends, lengths, before = _farthest(graph, ends, pieces)
    before = before.tolist()
    lines = [_longest_path(end, before) for end in ends[np.argsort(-lengths[ends], kind="stable")].tolist()]
    return [pixels[line if line[0] <= line[-1] else line[::-1]] for line in lines]


def _graph(pixels: np.ndarray, shape: tuple[int, ...]) -> sparse.csr_array:
    """float64 [n, n]: the distance of any two of n pixels that touch; nothing for all others."""
    number = np.full((shape[0] + 2, shape[1] + 2), -1, np.int32)  # with a border, so that each pixel has 8 neighbours
    rows, columns = pixels.T + 1
    number[rows, columns] = np.arange(len(pixels))
    steps = []
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):  # the other four are the same steps, taken back
        ends = number[rows + down, columns + right]
        starts = np.flatnonzero(ends >= 0)
        steps.append((starts, ends[starts], np.full(len(starts), math.hypot(down, right))))
    starts, ends, lengths = (np.concatenate(parts) for parts in zip(*steps, strict=True))
    forward = sparse.csr_array((lengths, (starts, ends)), shape=(len(pixels), len(pixels)))
    return forward + forward.T


def _with_loops_cut(graph: sparse.csr_array, pixels: np.ndarray, pieces: np.ndarray) -> sparse.csr_array:
    """The same graph, but each piece without an end is cut between two pixels, if it hangs together even so."""
    count, neighbours = len(pixels), np.diff(graph.indptr)
    thin = np.flatnonzero((neighbours == 2) & ~np.isin(pieces, pieces[neighbours < 2]))
    one, other = graph.indices[graph.indptr[thin]], graph.indices[graph.indptr[thin] + 1]
    apart = np.abs(pixels[one] - pixels[other]).max(axis=1) > 1  # or the cut could be passed over a corner
    _, first = np.unique(pieces[thin[apart]], return_index=True)
    cuts = np.stack([thin[apart][first], other[apart][first]]).astype(np.int64)
    if not cuts.size:
        return graph
    starts, ends = np.repeat(np.arange(count), neighbours), graph.indices

    def without(cuts: np.ndarray) -> sparse.csr_array:
        kept = ~np.isin(starts * count + ends, [cuts[0] * count + cuts[1], cuts[1] * count + cuts[0]])
        return sparse.csr_array((graph.data[kept], (starts[kept], ends[kept])), shape=graph.shape)

    _, parts = csgraph.connected_components(without(cuts), directed=False)
    return without(cuts[:, parts[cuts[0]] == parts[cuts[1]]])  # two loops with a bridge between them stay whole


def _farthest(
    graph: sparse.csr_array, starts: np.ndarray, pieces: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One sweep through all pieces at once, each from its start.

    Returns:
      int [pieces], the pixel farthest from the start, float64 [n], each pixel's distance from it, and int [n], the
      pixel before it on the shortest way there, negative at the start.
    """
    lengths, before, _ = csgraph.dijkstra(graph, indices=starts, min_only=True, return_predecessors=True)
    farthest = ndimage.maximum_position(lengths, pieces, np.arange(len(starts)))
    return np.ravel(farthest), lengths, before


def _longest_path(end: int, before: list[int]) -> list[int]:
    """The pixels from `end` back to where the sweep began."""
    way = []
    while end >= 0:
        way.append(end)
        end = before[end]
    return way
