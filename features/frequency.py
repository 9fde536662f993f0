"""Frequency: how many events, sessions and active days each window holds."""

from __future__ import annotations

import numpy as np

from features.feature import Column, Columns, Feature, within
from features.observation import Observation


def frequency(observation: Observation) -> Columns:
    """Counts per kind and window; 0 where the window is empty.

    Sessions are distinct session ids; events without one belong to none. An active day is one of the 24-hour days counted back
    from the cutoff in which the user has an event, so a window of n days has at most n.
    """
    for stream in observation.streams:
        sessions = stream.sums(stream.last_of_code(stream.view.session))
        active_days = stream.sums(stream.last_of_day())
        for days in observation.windows:
            kind, window = stream.kind, within(days)
            counts = {
                "events": (stream.counts(days), f"{{value}} {stream.noun} {window}"),
                "sessions": (sessions[days], f"{{value}} sessions with {stream.noun} {window}"),
                "active_days": (active_days[days], f"{stream.noun} on {{value}} days {window}"),
            }
            for name, (values, sentence) in counts.items():
                feature = Feature(f"{name}_{kind}_{days}d", "days" if name == "active_days" else name, sentence)
                yield Column(feature, values.astype(np.float64))
