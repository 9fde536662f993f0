"""Training samples as positions in timelines; arrays exist only for the samples at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features import sequences
from features.cutoff import Cutoff
from features.sequences import NUMBERS, Sequences
from features.timeline import Ints, Timeline
from features.vocabulary import Vocabulary
from models.classifier import Labels

Inputs = dict[str, npt.NDArray[Any]]

ARRAY_BYTES = 2 * 1024**3
"""Samples are gathered once and kept when their arrays fit in this; larger sets are gathered again in every epoch."""

CHUNK_SAMPLES = 512
POOL_CHUNKS = 16


@dataclass(frozen=True)
class Block:
    """Labelled samples of one bucket at one cutoff.

    timeline  of the bucket; it is cut at `cutoff` when sequences are gathered, so blocks of several cutoffs share one timeline
    rows      (n,) positions of the users in `timeline`
    labels    (n,) 0/1
    users     (n,) numbers: one user has the same at every cutoff, two users of any blocks never do
    """

    timeline: Timeline
    rows: Ints
    cutoff: Cutoff
    labels: Labels
    users: Ints


class Samples:
    """The n samples of several blocks, in the order of the blocks."""

    def __init__(self, blocks: Sequence[Block], length: int, vocabulary: Vocabulary) -> None:
        self.blocks, self.length, self.vocabulary = tuple(blocks), length, vocabulary
        self.starts = np.cumsum([0, *(len(block.rows) for block in blocks)])
        self.labels: Labels = np.concatenate([block.labels for block in blocks])

    def gather(self, positions: Ints) -> Inputs:
        """The network's inputs for the samples at `positions` (b,), in that order; each block is cut at most once."""
        order = np.argsort(positions, kind="stable")
        edges = np.searchsorted(positions[order], self.starts)
        parts = [
            inputs(self._gather(block, positions[order[low:high]] - start))
            for block, start, low, high in zip(self.blocks, self.starts[:-1], edges[:-1], edges[1:], strict=True)
            if high > low
        ]
        back = np.argsort(order, kind="stable")
        return {name: np.concatenate([part[name] for part in parts])[back] for name in parts[0]}

    def bytes_for(self, samples: int) -> int:
        """Bytes of the arrays of so many samples: three ids and K numbers of 4 bytes per step."""
        return samples * (self.length + 1) * 4 * (3 + len(NUMBERS))

    def _gather(self, block: Block, within: Ints) -> Sequences:
        return sequences.gather(block.timeline.as_of(block.cutoff), block.rows[within], block.cutoff, self.length, self.vocabulary)


class TrainingBatches:
    """Shuffled (inputs, labels) of the samples at `positions`: a new order in each epoch, the same orders for the same seed.

    All batches have one size, because a network compiles anew for another; what is left over, less than a batch, sits out that epoch.
    Where the arrays fit in `array_bytes` the shuffle is complete. Otherwise each block's samples are cut into chunks of 512 at random and
    the chunks are shuffled into pools of 16, so that gathering a pool cuts few blocks and memory stays bounded.
    """

    def __init__(self, samples: Samples, positions: Ints, batch: int, seed: int, array_bytes: int = ARRAY_BYTES) -> None:
        self.samples, self.positions, self.batch = samples, positions, min(batch, len(positions))
        self.random = np.random.default_rng(seed)
        fits = samples.bytes_for(len(positions)) <= array_bytes
        self.kept = samples.gather(positions) if fits else None

    def epoch(self) -> Iterator[tuple[Inputs, npt.NDArray[np.float32]]]:
        """Each sample at most once."""
        pools = [self.random.permutation(len(self.positions))] if self.kept is not None else self._pools()
        for pool in pools:
            arrays = self.samples.gather(self.positions[pool]) if self.kept is None else self.kept
            places = np.arange(len(pool)) if self.kept is None else pool
            for start in range(0, len(pool) - self.batch + 1, self.batch):
                chosen = places[start : start + self.batch]
                labels = self.samples.labels[self.positions[pool[start : start + self.batch]]]
                yield {name: values[chosen] for name, values in arrays.items()}, labels.astype(np.float32)

    def _pools(self) -> Iterator[Ints]:
        shuffled = self.random.permutation(len(self.positions))
        block = np.searchsorted(self.samples.starts, self.positions[shuffled], side="right")
        by_block = shuffled[np.argsort(block, kind="stable")]
        chunks = [by_block[start : start + CHUNK_SAMPLES] for start in range(0, len(by_block), CHUNK_SAMPLES)]
        mixed = [chunks[number] for number in self.random.permutation(len(chunks))]
        size = max(self.batch, POOL_CHUNKS * CHUNK_SAMPLES // self.batch * self.batch)
        order = np.concatenate(mixed)
        for start in range(0, len(order), size):
            yield self.random.permutation(order[start : start + size])


def inputs(gathered: Sequences) -> Inputs:
    """The network's named inputs."""
    return {"event_type": gathered.event_type, "item": gathered.item, "category": gathered.category, "numbers": gathered.numbers}
