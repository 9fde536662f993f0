"""The training loop of a sequence network, and its predictions in chunks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from features.timeline import Ints
from models.classifier import Floats, Labels, NotLearnable
from models.sequence_data import Inputs, Samples, TrainingBatches

CHUNK_USERS = 4096
PATIENCE = 2
GRADIENT_NORM = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Epoch:
    """Mean log loss of one epoch: on the training batches as they passed, penalties included, and afterwards on the held-out users."""

    number: int
    training_loss: float
    held_out_loss: float


OnEpoch = Callable[[Epoch], None]


def train(
    network: keras.Model,
    batches: TrainingBatches,
    samples: Samples,
    held_out: Ints,
    *,
    epochs: int,
    learning_rate: float,
    on_epoch: OnEpoch | None = None,
) -> tuple[Floats, tuple[Epoch, ...]]:
    """Train until two epochs in a row did not better the held-out loss, then restore the best epoch's weights.

    held_out (m,) are positions in `samples`. Returns their log-odds (m,) with the restored weights, and every epoch that ran.
    Raises NotLearnable for a loss that is not a number.
    """
    network.compile(
        optimizer=keras.optimizers.Adam(learning_rate, clipnorm=GRADIENT_NORM),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    network.optimizer.build(network.trainable_variables)
    curve: list[Epoch] = []
    best: tuple[float, int, Floats, list[Floats]] = (np.inf, 0, np.zeros(len(held_out)), network.get_weights())
    for number in range(1, epochs + 1):
        training_loss = _one_epoch(network, batches)
        raw = np.concatenate([predict(network, samples.gather(chunk)) for chunk in chunks(held_out)])
        epoch = Epoch(number, training_loss, _log_loss(samples.labels[held_out], raw))
        if not np.isfinite([epoch.training_loss, epoch.held_out_loss]).all():
            raise NotLearnable(
                f"In epoch {number} the training loss is {epoch.training_loss} and the held-out loss {epoch.held_out_loss}; "
                f"the learning rate {learning_rate} is too high for these samples"
            )
        curve.append(epoch)
        if on_epoch:
            on_epoch(epoch)
        if epoch.held_out_loss < best[0]:
            best = (epoch.held_out_loss, number, raw, network.get_weights())
        elif number - best[1] >= PATIENCE:
            break
    network.set_weights(best[3])
    return best[2], tuple(curve)


def predict(network: keras.Model, arrays: Inputs) -> Floats:
    """(n,) log-odds. Users are taken in order of length and padding beyond a chunk's longest is cut, which changes no answer."""
    lengths = (arrays["event_type"] != 0).sum(axis=1)
    order = np.argsort(lengths, kind="stable")
    raw = np.empty(len(order))
    for chunk in chunks(order):
        steps = int(lengths[chunk[-1]])
        raw[chunk] = np.asarray(network.predict_on_batch({name: values[chunk, :steps] for name, values in arrays.items()}))[:, 0]
    return raw


def chunks(positions: Ints) -> list[Ints]:
    """The positions in pieces small enough to gather and predict at once."""
    return [positions[start : start + CHUNK_USERS] for start in range(0, len(positions), CHUNK_USERS)]


def use_threads(threads: int) -> None:
    """Let TensorFlow use so many threads per operation; 0 leaves its default, all cores. Works before its first operation only."""
    if threads == 0 or keras.backend.backend() != "tensorflow":
        return
    import tensorflow

    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    except RuntimeError:
        logger.warning("TensorFlow already runs in this process; threads = %d comes too late", threads)


def _one_epoch(network: keras.Model, batches: TrainingBatches) -> float:
    network.reset_metrics()
    mean_loss = float("nan")
    for arrays, labels in batches.epoch():
        mean_loss = float(network.train_on_batch(arrays, labels[:, None]))
    return mean_loss


def _log_loss(y: Labels, raw: Floats) -> float:
    return float((np.logaddexp(0, raw) - y * raw).mean()) if np.isfinite(raw).all() else float("nan")
