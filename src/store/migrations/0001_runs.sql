-- Only TEXT and BIGINT: the columns that mean the same on SQLite and on Postgres.
CREATE TABLE orchestrate_run (
    id          TEXT   PRIMARY KEY,
    environment TEXT   NOT NULL,
    product     TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    begun_ms    BIGINT NOT NULL,
    status      TEXT   NOT NULL,
    is_finished BIGINT NOT NULL,
    since_ms    BIGINT NOT NULL,
    detail      TEXT   NOT NULL,
    sequence    BIGINT NOT NULL,
    requests    BIGINT NOT NULL,
    generation  BIGINT NOT NULL,
    owner_id    TEXT,
    owner_host  TEXT,
    owner_pid   BIGINT,
    lease_ms    BIGINT NOT NULL,
    expires_ms  BIGINT NOT NULL,
    note        TEXT   NOT NULL
);

CREATE UNIQUE INDEX orchestrate_run_unfinished ON orchestrate_run (environment, product, name) WHERE is_finished = 0;

CREATE INDEX orchestrate_run_begun ON orchestrate_run (environment, begun_ms);

-- Append only. `batch` is the same for all that was appended at once.
CREATE TABLE orchestrate_event (
    run        TEXT   NOT NULL REFERENCES orchestrate_run (id),
    sequence   BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    at_ms      BIGINT NOT NULL,
    batch      TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    PRIMARY KEY (run, sequence)
);

CREATE TABLE orchestrate_request (
    run    TEXT   NOT NULL REFERENCES orchestrate_run (id),
    number BIGINT NOT NULL,
    at_ms  BIGINT NOT NULL,
    body   TEXT   NOT NULL,
    PRIMARY KEY (run, number)
);

CREATE TABLE orchestrate_setting (
    environment TEXT NOT NULL,
    name        TEXT NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (environment, name)
);

-- Append only: who changed which setting when, and from what to what.
CREATE TABLE orchestrate_setting_change (
    environment  TEXT   NOT NULL,
    number       BIGINT NOT NULL,
    name         TEXT   NOT NULL,
    value_before TEXT,
    value_after  TEXT,
    changed_by   TEXT   NOT NULL,
    reason       TEXT,
    at_ms        BIGINT NOT NULL,
    PRIMARY KEY (environment, number)
);
