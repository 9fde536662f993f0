"""Every table and view that people read, and the ledger that says which night is in them."""

from __future__ import annotations

from pipeline.warehouse.schema import BIGINT, BOOLEAN, DATE, DOUBLE, INSTANT, INTEGER, TEXT, Column, Table, View

TARGET = Column("target", TEXT, "Name of the question asked about each user, as in nightcast.toml.")
CUTOFF = Column("cutoff", INSTANT, "Instant as of which the answer was given; nothing at or after it was known.")
USER_ID = Column("user_id", TEXT, "The user, as named in the source.")
BATCH_DATE = Column("batch_date", DATE, "Day of the batch, in the source's time zone; 1970-01-01 for rows whose day cannot be read.")
RUN_ID = Column("run_id", TEXT, "Run that computed the row.")
DECILE = Column("decile", INTEGER, "Tenth of the night's scored users, 1 (most likely) to 10.")
MODEL_NAME = Column("model_name", TEXT, "Registered model that answered.")
MODEL_VERSION = Column("model_version", TEXT, "Exact version of the registered model.")

USER_SCORES = Table(
    "user_scores",
    "One answer per target, cutoff and scored user; a night is replaced whole.",
    ("target", "cutoff", "user_id"),
    (
        TARGET,
        CUTOFF,
        USER_ID,
        Column("score", DOUBLE, "Calibrated probability in [0, 1] that the target comes true in its prediction window."),
        Column(
            "expected_value",
            DOUBLE,
            "Expected total of the window, where one below 0 counts as 0, for targets of kind sum; otherwise null.",
            optional=True,
        ),
        Column("unit", TEXT, "Unit of expected_value; null where that is.", optional=True),
        Column("raw_score", DOUBLE, "The model's log-odds before calibration."),
        Column("percentile", DOUBLE, "Percentage of the night's scored users with a lower or equal raw_score, in [0, 100]."),
        DECILE,
        Column("reason_1", TEXT, "What moved the score most, in plain words.", optional=True),
        Column("reason_2", TEXT, "What moved the score second most.", optional=True),
        Column("reason_3", TEXT, "What moved the score third most.", optional=True),
        Column("reason_1_effect", DOUBLE, "Change of probability by reason_1; positive raises the score.", optional=True),
        Column("reason_2_effect", DOUBLE, "Change of probability by reason_2.", optional=True),
        Column("reason_3_effect", DOUBLE, "Change of probability by reason_3.", optional=True),
        Column("score_basis", TEXT, "How much is known of the user: rich, thin or new."),
        Column("horizon_days", INTEGER, "Length of the prediction window in days of 24 hours."),
        MODEL_NAME,
        MODEL_VERSION,
        RUN_ID,
        Column("scored_at", INSTANT, "When the score was computed."),
    ),
    parted_by="cutoff",
)

SCORE_RUNS = Table(
    "score_runs",
    "One row per published night: which model scored how many users, and the checksum of what it left.",
    ("target", "cutoff"),
    (
        TARGET,
        CUTOFF,
        MODEL_NAME,
        MODEL_VERSION,
        Column("eligible", BIGINT, "Users the question was asked about: scored + refused."),
        Column("scored", BIGINT, "Users with a row in user_scores."),
        Column("refused", BIGINT, "Users with a row in refused_users."),
        Column("checksum", TEXT, "SHA-256 of the night's user_scores rows, sorted by user, without run_id and scored_at."),
        Column("started_at", INSTANT, "When scoring began."),
        Column("finished_at", INSTANT, "When scoring ended."),
        Column("lake_version", BIGINT, "Version of the lake's timelines that the scores were computed from."),
        RUN_ID,
    ),
)

REFUSED_USERS = Table(
    "refused_users",
    "Eligible users without a score, each with the reason.",
    ("target", "cutoff", "user_id"),
    (TARGET, CUTOFF, USER_ID, Column("reason", TEXT, "Why there is no score.")),
    parted_by="cutoff",
)

QUARANTINED_EVENTS = Table(
    "quarantined_events",
    "Raw rows that broke a rule of the event contract, kept as they came: a copy of the lake's, replaced with each run of the day.",
    ("batch_date", "row"),
    (
        BATCH_DATE,
        Column("row", BIGINT, "Number of the row within the batch, from 1."),
        Column("source_row", TEXT, "Every column of the source as text, as one JSON object."),
        Column("reason", TEXT, "What is wrong with the row, in plain words: every broken rule."),
        Column("rule", TEXT, "Short names of the broken rules, separated by commas."),
        Column("quarantined_at", INSTANT, "When the batch was ingested."),
        Column("stream", TEXT, "Stream of the source that the row came in; null in rows from before version 2.", optional=True),
        Column("place", TEXT, "File and line, or table and row, where it stands; null in rows from before version 2.", optional=True),
    ),
)

VALIDATION_RUNS = Table(
    "validation_runs",
    "One row per ingested day: what came, what was taken in, and whether the gate let it pass.",
    ("batch_date",),
    (
        BATCH_DATE,
        Column("rows", BIGINT, "Rows read from the source: accepted + quarantined + duplicates."),
        Column("accepted", BIGINT, "Rows that became events."),
        Column("quarantined", BIGINT, "Rows in quarantined_events."),
        Column("duplicates", BIGINT, "Rows dropped because their event was already there."),
        Column("late", BIGINT, "Accepted events that happened on an earlier day than the batch's."),
        Column("passed", BOOLEAN, "Whether the day passed validation and was committed."),
        Column("report_url", TEXT, "Where the validation report is.", optional=True),
        Column("run_id", TEXT, "Run that took the day in, or was refused; null in rows from before version 2.", optional=True),
        Column("lake_version", BIGINT, "Version of the lake's events that the run committed; null where it committed none.", optional=True),
        Column("readmitted", BIGINT, "Accepted events that came back from quarantine.", optional=True),
        Column("accepted_by_type", TEXT, "Accepted events by event type, as one JSON object.", optional=True),
        Column("repeated_by_type", TEXT, "Duplicates by event type, as one JSON object.", optional=True),
    ),
)

MODEL_QUALITY = Table(
    "model_quality",
    "How good a model version is, per slice and metric, with its interval.",
    ("target", "cutoff", "model_version", "slice", "metric", "basis"),
    (
        TARGET,
        Column("cutoff", INSTANT, "Cutoff of the judged scores."),
        Column("model_version", TEXT, "Exact version of the judged model."),
        Column("slice", TEXT, "Which users: all, or one group of them."),
        Column("metric", TEXT, "Name of the figure, such as auc."),
        Column("basis", TEXT, "How it is known: validation, estimated, or realised once the window has closed."),
        Column("value", DOUBLE, "The figure; null where it is not defined, such as the AUC of one outcome.", optional=True),
        Column("lower", DOUBLE, "Lower end of its 95 % interval.", optional=True),
        Column("upper", DOUBLE, "Upper end of its 95 % interval.", optional=True),
        Column("rows", BIGINT, "Users behind the figure."),
    ),
)

FEATURE_DRIFT = Table(
    "feature_drift",
    "How far each feature has moved from the data the champion was trained on.",
    ("cutoff", "feature"),
    (
        Column("cutoff", INSTANT, "Cutoff of the compared features."),
        Column("feature", TEXT, "Name of the feature."),
        Column("psi", DOUBLE, "Population stability index; null where it is not defined.", optional=True),
        Column("reference_cutoff", INSTANT, "Cutoff compared with.", optional=True),
        Column("status", TEXT, "Verdict on the movement."),
    ),
)

DECILE_OUTCOMES = Table(
    "decile_outcomes",
    "What came true in each tenth of a published night, once its prediction window has closed.",
    ("target", "cutoff", "decile"),
    (
        TARGET,
        CUTOFF,
        DECILE,
        Column("users", BIGINT, "Users of the decile whose outcome is known."),
        Column("realised_events", BIGINT, "Users of the decile for whom the target came true."),
        Column(
            "realised_value", DOUBLE, "Sum of what they came to in the unit of the target; null where the target is no sum.", optional=True
        ),
    ),
)

SCHEMA_VERSION = Table(
    "schema_version",
    "Versions of these tables that the warehouse has been brought to; the highest is in force.",
    ("version",),
    (
        Column("version", INTEGER, "Version of the tables."),
        Column("migrated_at", INSTANT, "When the warehouse reached it."),
    ),
)

USER_SCORES_LATEST = View(
    "user_scores_latest",
    "user_scores at the newest published cutoff of each target.",
    USER_SCORES.columns,
    """SELECT night.*
FROM "user_scores" AS night
JOIN (SELECT "target", max("cutoff") AS "cutoff" FROM "score_runs" GROUP BY "target") AS newest
  ON newest."target" = night."target" AND newest."cutoff" = night."cutoff"
WHERE night."cutoff" >= (SELECT min("cutoff") FROM (SELECT max("cutoff") AS "cutoff" FROM "score_runs" GROUP BY "target") AS oldest)""",
)
"""Its last line removes no row: it lets PostgreSQL leave the partitions of older nights alone, however it joins."""

SCORE_DECILES = View(
    "score_deciles",
    "Each night in tenths: how many users, how many of them the scores expect to come true, and how many did once that is known.",
    (
        TARGET,
        CUTOFF,
        DECILE,
        Column("users", BIGINT, "Scored users in the decile."),
        Column("expected_events", DOUBLE, "Sum of their scores."),
        Column("expected_value", DOUBLE, "Sum of their expected values; null where the target is no sum."),
        Column(
            "realised_events", BIGINT, "Users of the decile for whom the target came true; null until the prediction window has closed."
        ),
        Column("realised_value", DOUBLE, "Sum of what they came to; null until then, and where the target is no sum."),
    ),
    """SELECT tenth."target", tenth."cutoff", tenth."decile", tenth."users", tenth."expected_events", tenth."expected_value",
  known."realised_events", known."realised_value"
FROM (
  SELECT "target", "cutoff", "decile", count(*) AS "users", sum("score") AS "expected_events", sum("expected_value") AS "expected_value"
  FROM "user_scores" GROUP BY "target", "cutoff", "decile"
) AS tenth
LEFT JOIN "decile_outcomes" AS known
  ON known."target" = tenth."target" AND known."cutoff" = tenth."cutoff" AND known."decile" = tenth."decile\"""",
)

TABLES = (
    USER_SCORES,
    SCORE_RUNS,
    REFUSED_USERS,
    QUARANTINED_EVENTS,
    VALIDATION_RUNS,
    MODEL_QUALITY,
    FEATURE_DRIFT,
    DECILE_OUTCOMES,
    SCHEMA_VERSION,
)
NIGHT_TABLES = (SCORE_RUNS, USER_SCORES, REFUSED_USERS)
"""What a night consists of; the ledger first: a night is published as long as it names it."""
VIEWS = (USER_SCORES_LATEST, SCORE_DECILES)
