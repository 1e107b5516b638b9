//! The tables that are moved, and what makes that slow.

pub const POSTGRES_TABLES: &[&str] = &[
    "CREATE TABLE source (id bigint PRIMARY KEY, n bigint NOT NULL)",
    "CREATE TABLE destination (id bigint PRIMARY KEY, n bigint NOT NULL)",
];

pub const POSTGRES_SLOW: &[&str] = &[
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
     'BEGIN IF NEW.id % 10 = 0 THEN PERFORM pg_sleep(0.001); END IF; RETURN NEW; END'",
    "CREATE TRIGGER slow BEFORE UPDATE ON source FOR EACH ROW WHEN (NEW.n > OLD.n) EXECUTE FUNCTION slow()",
    "CREATE TRIGGER slow BEFORE INSERT ON destination FOR EACH ROW EXECUTE FUNCTION slow()",
];

pub const SQLITE_TABLES: &[&str] = &[
    "CREATE TABLE source (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
    "CREATE TABLE destination (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
];

pub const SQLITE_SLOW: &[&str] = &[
    "CREATE TABLE digit (d INTEGER NOT NULL)",
    "INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
    "CREATE TRIGGER slow BEFORE UPDATE ON source WHEN NEW.id % 10 = 0 AND NEW.n > OLD.n
     BEGIN SELECT count(*) FROM digit a, digit b, digit c, digit e WHERE a.d + b.d + c.d + e.d > 20; END",
    "CREATE TRIGGER slow_copy BEFORE INSERT ON destination WHEN NEW.id % 10 = 0
     BEGIN SELECT count(*) FROM digit a, digit b, digit c, digit e WHERE a.d + b.d + c.d + e.d > 20; END",
];

pub const CLICKHOUSE_TABLES: &[&str] =
    &["CREATE TABLE source (id UInt64, day UInt8, n UInt64) ENGINE = MergeTree PARTITION BY day ORDER BY id"];

/// What may be emptied on the way back was made on the way there.
pub const CREATE: &str = "  - name: create
    target: main
    sql: CREATE TABLE IF NOT EXISTS destination (id UInt64, day UInt8, n UInt64) ENGINE = MergeTree PARTITION BY day ORDER BY id
    undo: {target: main, sql: DROP TABLE IF EXISTS destination, repeatable: true}
    repeatable: true
";
