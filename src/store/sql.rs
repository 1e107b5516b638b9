//! Every statement of the store but those that make its tables: one text for SQLite and Postgres.

/// Begins a select of whole runs, in the order that `run::row` reads.
macro_rules! select_run {
    ($rest:literal) => {
        concat!(
            "SELECT id, environment, product, kind, name, begun_ms, status, is_finished, since_ms, detail, sequence,
                    generation, owner_id, owner_host, owner_pid,
                    expires_ms - (SELECT ms FROM orchestrate_now) AS left_ms, note
             FROM orchestrate_run ",
            $rest
        )
    };
}

pub(super) const MAKE_STORE: &str = "CREATE TABLE IF NOT EXISTS orchestrate_store (
    one          TEXT   PRIMARY KEY,
    installation TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    turn         BIGINT NOT NULL
)";

pub(super) const VERSION: &str = "SELECT version FROM orchestrate_store WHERE one = 'store'";

pub(super) const FIRST_VERSION: &str =
    "INSERT INTO orchestrate_store (one, installation, version, turn) VALUES ('store', $1, 0, 0)";

pub(super) const SET_VERSION: &str = "UPDATE orchestrate_store SET version = $1 WHERE one = 'store'";

pub(super) const NOW: &str = "SELECT ms FROM orchestrate_now";

pub(super) const INSTALLATION: &str = "SELECT installation FROM orchestrate_store WHERE one = 'store'";

/// Locks the one row that all who count runs or number changes of settings wait for.
pub(super) const TURN: &str = "UPDATE orchestrate_store SET turn = turn + 1 WHERE one = 'store'";

pub(super) const INSERT_RUN: &str = "INSERT INTO orchestrate_run (
        id, environment, product, kind, name, begun_ms, status, is_finished, since_ms, detail, sequence, requests,
        generation, owner_id, owner_host, owner_pid, lease_ms, expires_ms, note)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0,
        1, $12, $13, $14, $15, (SELECT ms FROM orchestrate_now) + $15, '')";

pub(super) const UNFINISHED: &str = "SELECT id FROM orchestrate_run
    WHERE environment = $1 AND product = $2 AND name = $3 AND is_finished = 0 AND id <> $4";

/// Owned runs count even when their lease has run out: their owner died at work, and they go on before others begin.
pub(super) const IN_PROGRESS: &str = "SELECT name FROM orchestrate_run
    WHERE environment = $1 AND id <> $2 AND kind = $3 AND is_finished = 0 AND owner_id IS NOT NULL ORDER BY begun_ms, id";

/// A lease that seems to live for over a minute longer than it was given for means that the clock went back.
pub(super) const TAKE: &str = "UPDATE orchestrate_run
    SET generation = generation + 1, owner_id = $2, owner_host = $3, owner_pid = $4, lease_ms = $5,
        expires_ms = (SELECT ms FROM orchestrate_now) + $5, note = ''
    WHERE id = $1 AND (owner_id IS NULL
        OR expires_ms <= (SELECT ms FROM orchestrate_now)
        OR expires_ms > (SELECT ms FROM orchestrate_now) + lease_ms + 60000)
    RETURNING generation, sequence";

pub(super) const RENEW: &str =
    "UPDATE orchestrate_run SET expires_ms = (SELECT ms FROM orchestrate_now) + lease_ms, note = $3
    WHERE id = $1 AND generation = $2 AND owner_id IS NOT NULL";

pub(super) const RELEASE: &str = "UPDATE orchestrate_run
    SET owner_id = NULL, owner_host = NULL, owner_pid = NULL, expires_ms = 0, note = ''
    WHERE id = $1 AND generation = $2";

pub(super) const ADVANCE: &str = "UPDATE orchestrate_run
    SET sequence = $4, status = $5, is_finished = $6, since_ms = $7, detail = $8,
        expires_ms = (SELECT ms FROM orchestrate_now) + lease_ms
    WHERE id = $1 AND generation = $2 AND sequence = $3 AND owner_id IS NOT NULL";

pub(super) const INSERT_EVENT: &str = "INSERT INTO orchestrate_event (run, sequence, generation, at_ms, batch, body)
    VALUES ($1, $2, $3, $4, $5, $6)";

/// How many events of a batch are stored between two places of a journal, both inclusive.
pub(super) const COUNT_BATCH: &str = "SELECT COUNT(*) FROM orchestrate_event
    WHERE run = $1 AND batch = $2 AND sequence >= $3 AND sequence <= $4";

pub(super) const EVENTS: &str = "SELECT sequence, at_ms, generation, body FROM orchestrate_event
    WHERE run = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";

pub(super) const RUN: &str = select_run!("WHERE id = $1");

pub(super) const RUNS: &str = select_run!(
    "WHERE ($1 IS NULL OR environment = $1) AND ($2 IS NULL OR product = $2) AND ($3 IS NULL OR name = $3)
       AND is_finished <= $4
     ORDER BY begun_ms DESC, id DESC LIMIT $5"
);

/// The latest run of everything, with the store's version: without parameters and settings, so that one message asks it.
/// A store without runs has one row.
pub(super) const STANDINGS: &str = "SELECT store.version, run.id, run.environment, run.product, run.kind, run.name,
        run.status, run.is_finished, run.since_ms, run.detail,
        CASE WHEN run.owner_id IS NULL THEN 0 ELSE run.left_ms END AS left_ms
    FROM orchestrate_store AS store LEFT JOIN (
        SELECT id, environment, product, kind, name, status, is_finished, since_ms, detail, owner_id,
            expires_ms - (SELECT ms FROM orchestrate_now) AS left_ms,
            ROW_NUMBER() OVER (PARTITION BY environment, product, kind, name
                ORDER BY CASE WHEN status = 'blocked' AND is_finished = 1 THEN 1 ELSE 0 END, begun_ms DESC, id DESC) AS place
        FROM orchestrate_run) AS run ON run.place = 1
    WHERE store.one = 'store'";

pub(super) const COUNT_REQUEST: &str =
    "UPDATE orchestrate_run SET requests = requests + 1 WHERE id = $1 RETURNING requests";

pub(super) const INSERT_REQUEST: &str =
    "INSERT INTO orchestrate_request (run, number, at_ms, body) VALUES ($1, $2, $3, $4)";

pub(super) const REQUESTS: &str = "SELECT number, at_ms, body FROM orchestrate_request
    WHERE run = $1 AND number > $2 ORDER BY number";

pub(super) const SETTINGS: &str = "SELECT name, value FROM orchestrate_setting WHERE environment = $1";

pub(super) const SETTING: &str = "SELECT value FROM orchestrate_setting WHERE environment = $1 AND name = $2";

pub(super) const PUT_SETTING: &str = "INSERT INTO orchestrate_setting (environment, name, value) VALUES ($1, $2, $3)
    ON CONFLICT (environment, name) DO UPDATE SET value = excluded.value";

pub(super) const DROP_SETTING: &str = "DELETE FROM orchestrate_setting WHERE environment = $1 AND name = $2";

pub(super) const INSERT_CHANGE: &str = "INSERT INTO orchestrate_setting_change (
        environment, number, name, value_before, value_after, changed_by, reason, at_ms)
    SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5, $6, $7
    FROM orchestrate_setting_change WHERE environment = $1";

pub(super) const CHANGES: &str = "SELECT name, value_before, value_after, changed_by, reason, at_ms
    FROM orchestrate_setting_change WHERE environment = $1 ORDER BY number";
