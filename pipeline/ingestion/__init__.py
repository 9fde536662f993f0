"""From a judged batch to a committed day and its copies: what the stages `ingest` and `quarantine` share."""
