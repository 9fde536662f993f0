"""A recurrent network on event sequences, fitted, saved and explained: the Keras room."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np

from features import sequences, vocabulary
from features.sequences import FIRST_EVENT_TYPE, NUMBERS
from features.timeline import Ints
from features.vocabulary import Vocabulary
from models import folds, sequence_effects, sequence_network
from models.classifier import Batch, Effects, Floats, refuse_unlearnable
from models.sequence_data import Block, Inputs, Samples, TrainingBatches, inputs
from models.sequence_training import Epoch, OnEpoch, chunks, predict, train, use_threads

MODEL_FILE, VOCABULARY_FILE, SETTINGS_FILE = "model.keras", "vocabulary.json", "settings.json"

STATISTICS_SAMPLES = 20_000
HELD_OUT_PARTS = 5


@dataclass(frozen=True)
class SequenceParameters:
    """length: newest events read per user; width: of the network; batch: samples per step; threads: 0 means all cores."""

    length: int = 64
    width: int = 32
    epochs: int = 12
    batch: int = 256
    learning_rate: float = 3e-3
    dropout: float = 0.1
    max_items: int = 5000
    max_categories: int = 500
    threads: int = 0


@dataclass(frozen=True)
class SequenceClassifier:
    """A network with what it needs to read a timeline.

    event_types  of the source, in the order the network learned
    typical_age  log(1 + hours) from the median training user's last event to the cutoff, the reference of the recency effect
    """

    kind: ClassVar[str] = "sequence"
    network: keras.Model
    vocabulary: Vocabulary
    length: int
    event_types: tuple[str, ...]
    typical_age: float

    def raw(self, batch: Batch) -> Floats:
        """(n,) uncalibrated log-odds; equal to 1e-5 whatever the batch. Raises ValueError for other event types than it learned."""
        parts = [predict(self.network, self._inputs(batch, rows)) for rows in chunks(batch.rows)]
        return np.concatenate([np.zeros(0), *parts])

    def effects(self, batch: Batch) -> Effects:
        """Approximate effects of groups of events on the log-odds, by leaving each group out; see `models.sequence_effects.effects`."""
        parts = []
        for rows in chunks(batch.rows):
            full = self._inputs(batch, rows)
            raw = predict(self.network, full)
            parts.append(sequence_effects.effects(full, raw, self._predict, self.event_types, self.typical_age))
        names = tuple(self.sentences())
        empty = np.zeros((0, len(names)))
        return Effects(
            names,
            np.concatenate([empty, *(part.log_odds for part in parts)]),
            np.concatenate([empty, *(part.values for part in parts)]),
        )

    def sentences(self) -> dict[str, str]:
        """Name of each quantity in `effects` → its reason text with {value}."""
        return sequence_effects.sentences(self.event_types)

    def save(self, folder: Path) -> None:
        """Write `model.keras` (without the optimizer's state), `vocabulary.json` and `settings.json`."""
        keras.Model(self.network.inputs, self.network.outputs, name=self.network.name).save(folder / MODEL_FILE)
        (folder / VOCABULARY_FILE).write_text(self.vocabulary.to_json(), encoding="utf-8")
        settings = {"length": self.length, "event_types": self.event_types, "typical_age": self.typical_age}
        (folder / SETTINGS_FILE).write_text(json.dumps(settings), encoding="utf-8")

    def _predict(self, full: Inputs) -> Floats:
        return predict(self.network, full)

    def _inputs(self, batch: Batch, rows: Ints) -> Inputs:
        if batch.view.event_types != self.event_types:
            raise ValueError(
                f"The model learned the event types {', '.join(self.event_types)}; the timeline has {', '.join(batch.view.event_types)}"
            )
        return inputs(sequences.gather(batch.view, rows, batch.cutoff, self.length, self.vocabulary))


@dataclass(frozen=True)
class FittedSequence:
    """A network and what its held-out users say.

    model         with the weights of its best epoch
    held_out      (m,) positions, among the samples of all blocks in order, of the users the network has not learned from
    held_out_raw  (m,) their log-odds: what calibration learns from
    curve         every epoch that ran
    """

    model: SequenceClassifier
    held_out: Ints
    held_out_raw: Floats
    curve: tuple[Epoch, ...]


def fit(blocks: Sequence[Block], parameters: SequenceParameters, seed: int, on_epoch: OnEpoch | None = None) -> FittedSequence:
    """A model of P(label = 1 | sequence) from labelled samples of several buckets and cutoffs.

    A fifth of the users is held out: training stops after two epochs without a better loss on them and keeps the best epoch's weights.
    One network is trained, not one per fold: cross-fitting would cost five times as much for a calibration that a fifth of the users
    supports well. Outcomes are not reweighted. Sets the process-wide random seeds of Python, NumPy and the backend.
    Raises NotLearnable for one outcome only, fewer than ten users, or a loss that is not a number.
    """
    use_threads(parameters.threads)
    keras.utils.set_random_seed(seed)
    learned = vocabulary.fit(
        (block.timeline.as_of(block.cutoff) for block in blocks),
        max_items=parameters.max_items,
        max_categories=parameters.max_categories,
    )
    samples = Samples(blocks, parameters.length, learned)
    users = np.concatenate([block.users for block in blocks])
    refuse_unlearnable(samples.labels, users, least_users=2 * HELD_OUT_PARTS)
    part = folds.assign(users, HELD_OUT_PARTS, seed)
    held_out, inside = np.flatnonzero(part == 0), np.flatnonzero(part != 0)
    refuse_unlearnable(samples.labels[inside], users[inside], least_users=HELD_OUT_PARTS)
    glimpse = samples.gather(np.random.default_rng(seed).permutation(inside)[:STATISTICS_SAMPLES])
    network = _network(glimpse, blocks[0].timeline.event_types, learned, parameters)
    model = SequenceClassifier(
        network, learned, parameters.length, blocks[0].timeline.event_types, sequence_effects.typical_last_age(glimpse)
    )
    batches = TrainingBatches(samples, inside, parameters.batch, seed)
    raw, curve = train(
        network, batches, samples, held_out, epochs=parameters.epochs, learning_rate=parameters.learning_rate, on_epoch=on_epoch
    )
    return FittedSequence(model, held_out, raw, curve)


def load(folder: Path, threads: int = 0) -> SequenceClassifier:
    """The model that `save` wrote; custom code in the file is refused. The caller has checked the files' digests."""
    use_threads(threads)
    settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    network = keras.saving.load_model(folder / MODEL_FILE, safe_mode=True, compile=False)
    network.jit_compile = False
    return SequenceClassifier(
        network=network,
        vocabulary=Vocabulary.from_json((folder / VOCABULARY_FILE).read_text(encoding="utf-8")),
        length=int(settings["length"]),
        event_types=tuple(settings["event_types"]),
        typical_age=float(settings["typical_age"]),
    )


def _network(glimpse: Inputs, event_types: Sequence[str], learned: Vocabulary, parameters: SequenceParameters) -> keras.Model:
    numbers = glimpse["numbers"][glimpse["event_type"] >= FIRST_EVENT_TYPE].astype(np.float64)
    return sequence_network.build(
        event_types=len(event_types),
        items=len(learned.items),
        categories=len(learned.categories),
        mean=numbers.mean(axis=0) if len(numbers) else np.zeros(len(NUMBERS)),
        variance=numbers.var(axis=0) if len(numbers) else np.ones(len(NUMBERS)),
        width=parameters.width,
        dropout=parameters.dropout,
    )
