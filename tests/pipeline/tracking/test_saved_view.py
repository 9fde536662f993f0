from __future__ import annotations

import json

from pipeline.config import Config
from pipeline.tracking import saved_view, store


def test_the_view_shows_the_figures_of_judged_candidates_newest_training_first() -> None:
    ((key, text),) = saved_view.tags().items()
    view = json.loads(text)
    state = json.loads(view["state"])
    assert key == "mlflow.sharedViewState.candidates"
    assert view["name"] == "Candidates"
    assert state["searchFilter"] == "metrics.evaluation_auc > 0 and tags.kind != 'evaluation'"
    assert (state["orderByKey"], state["orderByAsc"]) == ("tags.`cutoff`", False)
    assert "metrics.`evaluation_auc_lower`" in state["selectedColumns"]
    assert set(state["columnWidths"]) == set(state["columnOrder"]) > set(state["selectedColumns"]) - {"attributes.`Models`"}


def test_the_tag_fits_into_mlflows_column() -> None:
    assert len(*saved_view.tags().values()) < 5000


def test_every_experiment_has_it(config: Config) -> None:
    client = store.prepare(config)
    for target in config.modelled_targets:
        assert saved_view.tags().items() <= client.get_experiment_by_name(store.experiment_name(target)).tags.items()
