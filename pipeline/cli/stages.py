"""The stages as commands: each reads the configuration, runs its stage and prints the result.

A stage is imported when its command runs, so `nightcast --help` and DAG parsing stay light.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from pipeline.cli import decision, report
from pipeline.cli.options import DEFAULT_CONFIG, AsJson, ConfigPath, CutoffText, TargetName, TargetNames, bars, cutoff_of, start, targets_of


def register(app: typer.Typer) -> None:
    """Add the stages' commands."""
    for command in (
        ingest,
        build_features,
        check_leaks,
        train_baselines,
        train_gbdt,
        train_sequence,
        evaluate,
        promote,
        rollback,
        score,
        publish,
        monitor,
        migrate,
    ):
        app.command()(command)


def ingest(
    day: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="The day to take in.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of a range.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of a range, included.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Take raw events in: map, validate, quarantine, commit, one day at a time.

    Example: nightcast ingest --date 2011-11-09
    """
    begin, end = _range(day, first, last)
    loaded = start(config)
    from pipeline.stages import ingest as stage

    report.show(stage.run(loaded, begin, end, show=bars(as_json)), as_json=as_json)


def build_features(
    cutoffs: Annotated[list[str], typer.Option("--cutoff", help="As of: a date or an instant; repeat for several.")],
    training: Annotated[bool, typer.Option("--training", help="Every training and evaluation cutoff as of --cutoff, with labels.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Compute features (and labels, once matured) at each cutoff, on Dask.

    Example: nightcast build-features --cutoff 2011-11-09
    """
    loaded = start(config)
    instants = [cutoff_of(text, loaded) for text in cutoffs]
    from pipeline.stages import build_features as stage

    report.show(stage.run(loaded, instants, training=training, show=bars(as_json)), as_json=as_json)


def check_leaks(cutoff: CutoffText, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Refuse features and labels that know the future: what a training as of the cutoff reads, checked on a sample.

    Example: nightcast check-leaks --cutoff 2011-11-09
    """
    loaded = start(config)
    instant = cutoff_of(cutoff, loaded)
    from pipeline.stages import check_leaks as stage

    report.show(stage.run(loaded, instant, show=bars(as_json)), as_json=as_json)


def train_baselines(target: TargetName, cutoff: CutoffText, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Fit the simple predictors that a model must beat: base rate, recency, active days and BG/NBD; each becomes a candidate.

    Example: nightcast train-baselines --target purchase_30d --cutoff 2011-11-09
    """
    loaded = start(config)
    wanted, instant = loaded.modelled_target(target), cutoff_of(cutoff, loaded)
    from pipeline.stages import train_baselines as stage

    report.show(stage.run(loaded, wanted, instant, show=bars(as_json)), as_json=as_json)


def train_gbdt(target: TargetName, cutoff: CutoffText, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Train gradient-boosted trees (LightGBM) with what was known at the cutoff, and register it as a candidate.

    Example: nightcast train-gbdt --target purchase_30d --cutoff 2011-11-09
    """
    loaded = start(config)
    wanted, instant = loaded.modelled_target(target), cutoff_of(cutoff, loaded)
    from pipeline.stages import train_gbdt as stage

    report.show(stage.run(loaded, wanted, instant, show=bars(as_json)), as_json=as_json)


def train_sequence(target: TargetName, cutoff: CutoffText, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Train the Keras sequence model with what was known at the cutoff, and register it as a candidate.

    Example: nightcast train-sequence --target purchase_30d --cutoff 2011-11-09
    """
    loaded = start(config)
    wanted, instant = loaded.modelled_target(target), cutoff_of(cutoff, loaded)
    from pipeline.stages import train_sequence as stage

    report.show(stage.run(loaded, wanted, instant, show=bars(as_json)), as_json=as_json)


def evaluate(target: TargetName, cutoff: CutoffText, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Judge every candidate and the champion on the same later, unseen users.

    Example: nightcast evaluate --target purchase_30d --cutoff 2011-11-09
    """
    loaded = start(config)
    wanted, instant = loaded.modelled_target(target), cutoff_of(cutoff, loaded)
    from pipeline.stages import evaluate as stage

    report.show(stage.run(loaded, wanted, instant, show=bars(as_json)), as_json=as_json)


def promote(
    target: TargetName,
    cutoff: CutoffText,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Decide and explain, change nothing.")] = False,
    expected: Annotated[
        str | None, typer.Option("--expect-version", help="The version whose promotion was approved, or `none`; refuse any other decision.")
    ] = None,
    declined: Annotated[str | None, typer.Option("--declined", help="Why a person said no: recorded, and the champion stays.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Move the alias `champion` if the evidence allows it, and record why or why not.

    Example: nightcast promote --target purchase_30d --cutoff 2011-11-09 --dry-run
    """
    loaded = start(config)
    wanted, instant = loaded.modelled_target(target), cutoff_of(cutoff, loaded)
    from pipeline.stages import promote as stage

    result = stage.run(loaded, wanted, instant, dry_run=dry_run, expected=expected, declined=declined, show=bars(as_json))
    if as_json:
        report.show(result, as_json=True)
    else:
        decision.show(result)


def rollback(
    target: TargetName,
    version: Annotated[str, typer.Option("--to", help="The version that scores from now on.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with both versions.")] = "",
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Give the alias `champion` back to another version; the one that had it is withdrawn and not promoted again.

    Example: nightcast rollback --target purchase_30d --to 3 --reason "too many complaints"
    """
    loaded = start(config)
    wanted = loaded.modelled_target(target)
    from pipeline.stages import rollback as stage

    report.show(stage.run(loaded, wanted, version, reason=reason, show=bars(as_json)), as_json=as_json)


def score(cutoff: CutoffText, targets: TargetNames = None, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Score every eligible user at the cutoff with the champion's exact version.

    Example: nightcast score --cutoff 2011-11-10
    """
    loaded = start(config)
    wanted, instant = targets_of(targets, loaded), cutoff_of(cutoff, loaded)
    from pipeline.stages import score as stage

    report.show(stage.run(loaded, instant, targets=wanted, show=bars(as_json)), as_json=as_json)


def publish(cutoff: CutoffText, targets: TargetNames = None, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Put the cutoff's scores into the warehouse: staged, checked, swapped in one transaction.

    Example: nightcast publish --cutoff 2011-11-10
    """
    loaded = start(config)
    wanted, instant = targets_of(targets, loaded), cutoff_of(cutoff, loaded)
    from pipeline.stages import publish as stage

    report.show(stage.run(loaded, instant, targets=wanted, show=bars(as_json)), as_json=as_json)


def monitor(cutoff: CutoffText, targets: TargetNames = None, config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Compare features with the champion's training (drift), and matured scores with what happened.

    Example: nightcast monitor --cutoff 2011-11-10
    """
    loaded = start(config)
    wanted, instant = targets_of(targets, loaded), cutoff_of(cutoff, loaded)
    from pipeline.stages import monitor as stage

    report.show(stage.run(loaded, instant, targets=wanted, show=bars(as_json)), as_json=as_json)


def migrate(config: ConfigPath = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Bring the warehouse's tables, views and comments to this program's version; people may read meanwhile.

    Example: nightcast migrate
    """
    loaded = start(config)
    from pipeline.stages import migrate as stage

    report.show(stage.run(loaded, show=bars(as_json)), as_json=as_json)


def _range(day: datetime | None, first: datetime | None, last: datetime | None) -> tuple[date, date]:
    if day is not None and first is None and last is None:
        return day.date(), day.date()
    if day is None and first is not None and last is not None:
        if last < first:
            raise typer.BadParameter(f"--to {last:%Y-%m-%d} lies before --from {first:%Y-%m-%d}", param_hint="--to")
        return first.date(), last.date()
    raise typer.BadParameter("give either --date DAY, or both --from DAY and --to DAY", param_hint="--date")
