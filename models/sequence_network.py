"""The recurrent network on event sequences: Keras layers and `keras.ops` only, so any backend can run it."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from features.sequences import NUMBERS
from models.classifier import Floats

EVENT_WIDTH, ITEM_WIDTH, CATEGORY_WIDTH = 8, 8, 8

ITEM_PENALTY = 0.01
"""L2. Items are many and samples few: without it the network recognises users by what they bought, and forgets the rest within an epoch."""

LEAST_VARIANCE = 1e-2
"""A number that hardly varied in training must not explode when it does later."""


def build(*, event_types: int, items: int, categories: int, mean: Floats, variance: Floats, width: int, dropout: float) -> keras.Model:
    """An untrained network from the arrays of `features.sequences.Sequences` to one logit (B, 1), for any number of steps.

    event_types         of the source; items, categories: in the vocabulary, without padding and unknown
    mean, variance      (K,) of the numbers over real events of the training users

    Items start at zero and are held near it, so that only those with evidence count. The last state of the recurrent layer and the
    average event decide. The mask is computed from `event_type` and handed on by hand: an addition of two layers would drop an implicit
    one. Padding lies on the right, the first step is never masked, and the recurrent layer keeps the settings that cuDNN has a kernel for.
    """
    event_type, item, category = (keras.Input((None,), dtype="int32", name=name) for name in ("event_type", "item", "category"))
    numbers = keras.Input((None, len(NUMBERS)), dtype="float32", name="numbers")
    real = ops.not_equal(event_type, 0)
    events = layers.Concatenate()(
        [
            layers.Embedding(event_types + 2, EVENT_WIDTH, name="event_type_embedding")(event_type),
            layers.Embedding(
                items + 2, ITEM_WIDTH, "zeros", embeddings_regularizer=keras.regularizers.L2(ITEM_PENALTY), name="item_embedding"
            )(item),
            layers.Embedding(categories + 2, CATEGORY_WIDTH, name="category_embedding")(category),
            layers.Normalization(mean=mean, variance=np.maximum(variance, LEAST_VARIANCE), name="standardised")(numbers),
        ]
    )
    events = layers.Dense(width, activation="tanh", name="events")(events)
    state = layers.GRU(width, reset_after=True, name="memory")(events, mask=real)
    weight = ops.expand_dims(ops.cast(real, events.dtype), -1)
    average = ops.sum(events * weight, axis=1) / ops.sum(weight, axis=1)
    summary = layers.LayerNormalization()(layers.Concatenate()([state, average]))
    log_odds = layers.Dense(1, name="log_odds")(layers.Dropout(dropout)(summary))
    return keras.Model([event_type, item, category, numbers], log_odds, name="sequence")
