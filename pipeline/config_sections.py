"""The tables of `nightcast.toml`, one class each: what is allowed there, and what holds when nothing is said."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.definition import FAMILIES
from features.target import ANY, Kind

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Days = Annotated[int, Field(ge=1, le=3650)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A table of the file: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Warehouse(Section):
    """Where people read: `duckdb:///file.duckdb` or `postgresql://user@host/db`.

    keep_days  nights whose cutoff is that many days older than the newest are dropped after a publish, their outcomes and quality are
               not; 0: none. A night that is dropped before its prediction window has closed is never compared with what happened
    """

    url: str = Field("duckdb:///nightcast.duckdb", pattern=r"^(duckdb:///.+|postgresql://.+)$")
    keep_days: Annotated[int, Field(ge=0, le=36_500)] = 0


class LakeSection(Section):
    """Where the pipeline keeps its Delta tables: a folder, or `s3://bucket/prefix`.

    Files that no version needs any more are deleted: of derived tables all but the last `keep_versions`, of `events` after
    `retention_days`.
    """

    url: str = "lake"
    buckets: Annotated[int, Field(ge=1, le=4096)] = 16
    keep_versions: Annotated[int, Field(ge=1, le=1000)] = 3
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 7


class Mlflow(Section):
    """Tracking and registry; `artifacts` is where a local store keeps the files."""

    tracking_uri: str = Field("sqlite:///mlflow.db", pattern=r"^(sqlite:///|postgresql|mysql|http://|https://).+$")
    artifacts: str = "mlartifacts"


class Dask(Section):
    """Empty `scheduler`: a cluster on this machine; or `tcp://host:8786`."""

    scheduler: str = Field("", pattern=r"^$|^(tcp|tls)://.+$")
    workers: Annotated[int, Field(ge=1, le=512)] = 2
    memory_limit: str = Field("2GiB", pattern=r"^\d+(\.\d+)?\s?(MiB|GiB|MB|GB)$")
    timeout_minutes: Annotated[int, Field(ge=1)] = 60


class Windows(Section):
    """Observation windows in days, and how far back any feature looks."""

    lookback_days: Days = 180
    days: Annotated[tuple[Days, ...], Field(min_length=1)] = (7, 14, 30, 60, 90, 180)

    @model_validator(mode="after")
    def _within_lookback(self) -> Windows:
        if max(self.days) > self.lookback_days:
            raise ValueError(f"windows.days reaches back {max(self.days)} days, further than windows.lookback_days = {self.lookback_days}")
        return self


class Features(Section):
    """Which feature families there are, and what some of them need to know; see `features.definition.Definition`.

    Without `session_minutes` a session is a given id where the source maps `session_id`, else it ends with a pause of 30 minutes.
    """

    families: Annotated[tuple[Literal[*FAMILIES], ...], Field(min_length=1)] = FAMILIES  # type: ignore[valid-type]
    session_minutes: Annotated[int, Field(ge=1, le=24 * 60)] | None = None
    categories: tuple[str, ...] = ()
    repeat_event: str = ""
    repeat_days: Days = 30


class Eligible(Section):
    """Who is asked about: users with such an event in the days before the cutoff (0: ever)."""

    event_type: str = ANY
    within_days: Annotated[int, Field(ge=0, le=3650)] = 0


class TargetSection(Section):
    """One question about each eligible user; see `features.target.Target`."""

    kind: Kind
    event_type: str = ANY
    horizon_days: Days
    gap_days: Annotated[int, Field(ge=0, le=365)] = 0
    eligible: Eligible = Eligible()
    unit: Annotated[str, Field(max_length=40)] = ""

    @model_validator(mode="after")
    def _unit_of_a_sum(self) -> TargetSection:
        if self.unit and self.kind != "sum":
            raise ValueError(f"unit = '{self.unit}' is for targets of kind 'sum', and this one is '{self.kind}': remove it")
        return self


class Gbdt(Section):
    """LightGBM's parameters; see `models.gbdt_parameters.GbdtParameters`."""

    rounds: Annotated[int, Field(ge=1, le=10_000)] = 1000
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.03
    leaves: Annotated[int, Field(ge=2, le=1024)] = 7
    depth: Annotated[int, Field(ge=1, le=12)] = 6
    min_leaf: Annotated[int, Field(ge=1)] = 50
    early_stopping: Annotated[int, Field(ge=1)] = 50
    folds: Annotated[int, Field(ge=2, le=10)] = 5
    crossfit_rows: Annotated[int, Field(ge=1)] = 400_000
    bagging_fraction: Annotated[float, Field(gt=0, le=1)] = 0.5
    feature_fraction: Annotated[float, Field(gt=0, le=1)] = 0.3
    l1: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    l2: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    path_smooth: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    extra_trees: bool = False
    bags: Annotated[int, Field(ge=1, le=50)] = 1
    half_life_days: Annotated[float, Field(ge=0, le=3650)] = 0.0
    positive_weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    monotone: dict[str, Literal[-1, 1]] = {}
    device: Literal["cpu", "gpu", "cuda"] = "cpu"
    threads: Annotated[int, Field(ge=0, le=1024)] = 0

    @model_validator(mode="after")
    def _bags_differ(self) -> Gbdt:
        if self.bags > 1 and self.bagging_fraction == self.feature_fraction == 1 and not self.extra_trees:
            raise ValueError(
                f"training.gbdt.bags = {self.bags} would average equal models; "
                "set bagging_fraction or feature_fraction below 1, or extra_trees = true"
            )
        return self


class Sequence(Section):
    """The GRU's parameters."""

    length: Annotated[int, Field(ge=1, le=4096)] = 64
    width: Annotated[int, Field(ge=4, le=1024)] = 32
    epochs: Annotated[int, Field(ge=1, le=1000)] = 8
    batch: Annotated[int, Field(ge=1)] = 256
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.003
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    max_samples: Annotated[int, Field(ge=100)] = 200_000


class Tuning(Section):
    """How long better parameters of the trees are looked for, `minutes` = 0: not at all; see `pipeline.tuning`.

    trials   at most so many; folds: forward-in-time validations of each
    storage  where trials are kept, so that a tuning that was ended goes on: `sqlite:///file.db` or `postgresql://user@host/db`
    """

    minutes: Annotated[float, Field(ge=0, le=7 * 24 * 60)] = 0.0
    trials: Annotated[int, Field(ge=1, le=10_000)] = 60
    folds: Annotated[int, Field(ge=1, le=20)] = 3
    storage: str = Field("sqlite:///tuning.db", pattern=r"^(sqlite:///|postgresql://).+$")


class Training(Section):
    """How many cutoffs teach, how far apart, how many days before the evaluation cutoff their labels close, and with which seed."""

    cutoffs: Annotated[int, Field(ge=1, le=104)] = 6
    step_days: Days = 14
    embargo_days: Annotated[int, Field(ge=0, le=3650)] = 0
    seed: int = 7
    min_positives: Annotated[int, Field(ge=1)] = 20
    gbdt: Gbdt = Gbdt()
    tuning: Tuning = Tuning()
    sequence: Sequence = Sequence()


class Leaks(Section):
    """How the leak gate looks: at about how many users, and what an honest source may reach at most.

    max_feature_auc  AUC of one feature alone; honest ones reached 0.83 (Cross Validated) at most
    max_unique_auc   AUC that a model may lose without one source of information; honest ones cost 0.03, columns from the future 0.08
                     to 0.23 among users with little history
    max_accumulated  rank correlation between an event's value and its age; honest ones reached 0.07, totals of years later 0.12 to 0.35
    All are compared with the end of the interval that speaks for the source.
    """

    users: Annotated[int, Field(ge=100, le=1_000_000)] = 3_000
    max_feature_auc: Annotated[float, Field(gt=0.5, le=1)] = 0.95
    max_unique_auc: Annotated[float, Field(gt=0, le=0.5)] = 0.03
    max_accumulated: Annotated[float, Field(gt=0, le=1)] = 0.15


TEXT_COLUMNS = ("score_basis", "tenure", "segment", "category")
"""Groups of users that are no feature column."""


class Evaluation(Section):
    """On which groups of users, at which operating point and how finely models are judged.

    slices           columns that group the users: `score_basis`, `tenure`, `segment`, `category`, or a feature column
    bands            feature column → edges of its bands, [−∞, e₀) [e₀, e₁) … [eₖ, ∞); without edges it is cut into thirds
    slice_rows       a smaller group is not judged; slice_positives: nor is one with fewer users of either outcome
    reach            share of the users, best first, at which precision, recall, F1 and accuracy are taken
    replicates       of the bootstrap
    """

    slices: tuple[str, ...] = ("score_basis", "tenure")
    bands: dict[str, Annotated[tuple[float, ...], Field(min_length=1)]] = {}
    slice_rows: Annotated[int, Field(ge=20)] = 200
    slice_positives: Annotated[int, Field(ge=5)] = 20
    reach: Annotated[float, Field(gt=0, lt=1)] = 0.1
    replicates: Annotated[int, Field(ge=100, le=100_000)] = 1000

    @model_validator(mode="after")
    def _bands_ascend(self) -> Evaluation:
        for column, edges in self.bands.items():
            if list(edges) != sorted(set(edges)):
                raise ValueError(f"evaluation.bands.{column} = {list(edges)} must be in ascending order, each edge once")
            if column not in self.slices:
                raise ValueError(f"evaluation.bands.{column} is for a column that evaluation.slices does not name")
            if column in TEXT_COLUMNS:
                raise ValueError(f"evaluation.bands.{column}: {column} holds texts, and edges are for the numbers of a feature column")
        return self


class Promotion(Section):
    """What a challenger must show before it scores; see `pipeline.evaluation.decision.Rule`.

    approval         `human`: a person is asked in Airflow before the alias moves
    approval_hours   how long the question stands; then the champion stays
    """

    min_effect: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    max_ece: Annotated[float, Field(gt=0, le=1)] = 0.05
    min_positives: Annotated[int, Field(ge=2)] = 20
    slice_level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    suspicious_auc: Annotated[float, Field(gt=0.5, le=1)] = 0.99
    approval: Literal["none", "human"] = "none"
    approval_hours: Annotated[int, Field(ge=1, le=24 * 14)] = 24

    @property
    def rule(self) -> dict[str, Any]:
        """The part that decides."""
        return self.model_dump(exclude={"approval", "approval_hours"})


Rung = Literal["champion", "base_rate", "refuse"]


class Ladder(Section):
    """Who answers for users of each score basis: the champion, the mean of its probabilities, or nobody: they are refused."""

    rich: Rung = "champion"
    thin: Rung = "champion"
    new: Rung = "base_rate"


class Scoring(Section):
    """How users are scored; see `pipeline.scoring.bucket_scores`."""

    ladder: Ladder = Ladder()


class Publish(Section):
    """What a night's scores must look like before they replace what people read; see `pipeline.validation.score_suite`.

    max_refused_share    of the eligible users, who then have no score
    max_shift            population stability index of the raw scores since the night before
    max_level            after a change of champion, whose raw scores cannot be compared: the mean probability is at most so many times that
                         of the night before, and at least one part in so many
    compare_within_days  an older night is not compared with; 0: none is
    """

    max_refused_share: Share = 0.1
    max_shift: Annotated[float, Field(gt=0)] = 0.25
    max_level: Annotated[float, Field(gt=1)] = 2.0
    compare_within_days: Annotated[int, Field(ge=0, le=365)] = 7


class Export(Section):
    """Where each published night is written as Parquet too: a folder, or a URL such as that of the lake; empty: nowhere."""

    folder: str = ""


class Schedule(Section):
    """Cron expressions of the DAGs, in the source's time zone; empty: by hand only."""

    ingest: str = ""
    train: str = ""
    score: str = ""
