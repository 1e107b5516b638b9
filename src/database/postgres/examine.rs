//! What Postgres says of itself: whether it takes writes, and what the role may do in the schema that is used.

use sqlx::{Connection as _, Row as _};

use crate::model::ClockReading;

use super::super::error::Failure;
use super::super::examine::{Examination, Lack, now_ms};
use super::server::Postgres;
use super::trouble::{Phase, trouble};

/// ALTER and DROP are the owner's alone: tables of other roles are counted.
const QUESTION: &str = "SELECT current_setting('server_version') AS version,
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS there_ms,
        pg_is_in_recovery() AS is_standby,
        current_setting('transaction_read_only') = 'on' AS is_read_only,
        current_schema() AS schema,
        COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
        foreign_tables.count AS foreign_tables,
        foreign_tables.first AS first_foreign_table
    FROM (SELECT count(*) AS count, min(class.relname::text) AS first
        FROM pg_class AS class JOIN pg_namespace AS schema ON schema.oid = class.relnamespace
        WHERE schema.nspname = ANY (current_schemas(false)) AND class.relkind IN ('r', 'p')
            AND NOT pg_has_role(class.relowner, 'USAGE')) AS foreign_tables";

impl Postgres {
    pub async fn examine(&self) -> Result<Examination, Failure> {
        let mut session = self.session().await?;
        // The time of the connection is not that of the question.
        session.ping().await.map_err(|error| trouble(error, Phase::Before))?;
        let before_ms = now_ms();
        let row = sqlx::query(QUESTION).persistent(false).fetch_one(&mut session).await;
        let after_ms = now_ms();
        let row = row.map_err(|error| trouble(error, Phase::Within))?;
        let unread = |error| trouble(error, Phase::Within);
        let mut lacks = Vec::new();
        if row.try_get("is_standby").map_err(unread)? {
            lacks.push(Lack::certain("it is a standby, which takes no writes", "name the primary in the URL"));
        } else if row.try_get("is_read_only").map_err(unread)? {
            lacks.push(Lack::certain(
                "its sessions are read-only",
                "take default_transaction_read_only from the role, the database or the URL's options",
            ));
        }
        let schema: Option<String> = row.try_get("schema").map_err(unread)?;
        match schema {
            None => lacks.push(Lack::certain(
                "no schema of its search_path is there",
                "make the schema, or set search_path for the role",
            )),
            Some(schema) if !row.try_get::<bool, _>("may_create").map_err(unread)? => lacks.push(Lack::certain(
                format!("the role may create nothing in the schema {schema}, not even the table of marks"),
                format!("GRANT CREATE ON SCHEMA {schema} to the role"),
            )),
            Some(_) => {}
        }
        let foreign: i64 = row.try_get("foreign_tables").map_err(unread)?;
        if let Some(first) = row.try_get::<Option<String>, _>("first_foreign_table").map_err(unread)? {
            lacks.push(Lack::possible(
                format!("tables of other roles can be neither altered nor dropped: {first}{}", others(foreign)),
                "use the role that owns them, or make it a member of that role",
            ));
        }
        let there_ms = row.try_get("there_ms").map_err(unread)?;
        let version = row.try_get("version").map_err(unread)?;
        self.keep(session).await;
        let clock = Some(ClockReading { before_ms, there_ms, after_ms });
        Ok(Examination { version: Some(version), clock, lacks, ..Examination::default() })
    }
}

fn others(count: i64) -> String {
    if count > 1 { format!(" and {} more", count - 1) } else { String::new() }
}
