//! What ClickHouse says of itself, from 18.16 to today's: what is not known to a version is left out.

use crate::model::ClockReading;

use super::super::error::Failure;
use super::super::examine::{Disk, Examination, Lack, now_ms};
use super::client::{ClickHouse, text};
use super::grants::lacking;

/// What large tables and their repair need of the database, and what ends statements.
const PRIVILEGES: [&str; 6] = ["SELECT", "INSERT", "ALTER", "CREATE TABLE", "DROP TABLE", "TRUNCATE"];
const KILL: &str = "KILL QUERY";

impl ClickHouse {
    pub async fn examine(&self) -> Result<Examination, Failure> {
        let version = self.plain("SELECT version()").await?.one()?;
        let (clock, modes, grants, processes, disks, largest) = tokio::join!(
            self.clock(),
            self.modes(),
            self.grants(),
            self.plain("SELECT count() FROM system.processes"),
            self.disks(),
            self.largest(),
        );
        let mut lacks = modes;
        lacks.extend(grants);
        if let Err(failure) = processes {
            lacks.push(Lack::certain(
                format!("it does not tell what runs, so that nothing can be found again or ended: {}", failure.message),
                "let the user read system.processes",
            ));
        }
        Ok(Examination { version, clock, lacks, disks, largest })
    }

    /// Its clock; only newer ones tell more than whole seconds.
    async fn clock(&self) -> Option<ClockReading> {
        for (sql, factor, rest) in
            [("SELECT toUnixTimestamp64Milli(now64(3))", 1, 0), ("SELECT toUnixTimestamp(now())", 1_000, 999)]
        {
            let before_ms = now_ms();
            let Ok(answer) = self.plain(sql).await else { continue };
            let after_ms = now_ms();
            let there: i64 = answer.one().ok()??.parse().ok()?;
            // A second that is told as a whole may be over nearly.
            return Some(ClockReading { before_ms: before_ms - rest, there_ms: there * factor, after_ms });
        }
        None
    }

    /// Modes of the user's profile that forbid the work.
    async fn modes(&self) -> Vec<Lack> {
        const SQL: &str = "SELECT name, value FROM system.settings WHERE name IN ('readonly', 'allow_ddl')";
        let Ok(answer) = self.plain(SQL).await else { return Vec::new() };
        let advice = "give the user a profile that may change data and tables";
        let lack = |row: &Vec<_>| match (text(row, 0)?, text(row, 1)?) {
            ("readonly", "0") | ("allow_ddl", "1") => None,
            ("readonly", value) => Some(Lack::certain(format!("its user may only read (readonly = {value})"), advice)),
            (_, value) => Some(Lack::certain(format!("its user may not change tables (allow_ddl = {value})"), advice)),
        };
        answer.rows.iter().filter_map(lack).collect()
    }

    /// What the user was not granted. Before 20.4 there were no grants.
    async fn grants(&self) -> Option<Lack> {
        let database = self.plain("SELECT currentDatabase()").await.ok()?.one().ok()??;
        let answer = self.plain("SHOW GRANTS").await.ok()?;
        let grants: Vec<&str> = answer.rows.iter().filter_map(|row| text(row, 0)).collect();
        let found = lacking(&grants, &database, &PRIVILEGES, KILL);
        let mut missing = Vec::new();
        for privilege in &found.missing {
            let scope =
                if *privilege == KILL { "*.*".to_owned() } else { format!("`{}`.*", database.replace('`', "\\`")) };
            let asked = self.plain(&format!("CHECK GRANT {privilege} ON {scope}")).await;
            let is_granted = asked.and_then(super::super::answer::Answer::one);
            match is_granted.ok().flatten().as_deref() {
                Some("1") => {}
                Some(_) => missing.push((*privilege, true)),
                None => missing.push((*privilege, !found.has_roles)),
            }
        }
        let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
        let message = format!("its user was not granted {} on {database}", names.join(", "));
        let advice = format!("GRANT {} to the user", names.join(", "));
        match missing.iter().any(|(_, is_certain)| *is_certain) {
            _ if missing.is_empty() => None,
            true => Some(Lack::certain(message, advice)),
            false => {
                Some(Lack::possible(format!("{message} by itself; whether its roles were cannot be told"), advice))
            }
        }
    }

    async fn disks(&self) -> Vec<Disk> {
        let Ok(answer) = self.plain("SELECT name, free_space, total_space FROM system.disks").await else {
            return Vec::new();
        };
        let number = |text: &str| text.parse().ok();
        let disk = |row: &Vec<_>| {
            let (free, total) = (number(text(row, 1)?)?, number(text(row, 2)?)?);
            Some(Disk { name: text(row, 0)?.to_owned(), free, total })
        };
        // What lies in an object store has no end, and no size.
        answer.rows.iter().filter_map(disk).filter(|disk| disk.total > 0 && disk.total < u64::MAX / 2).collect()
    }

    async fn largest(&self) -> Option<u64> {
        const SQL: &str = "SELECT max(size) FROM (SELECT sum(bytes) AS size FROM system.parts
            WHERE active AND database = currentDatabase() GROUP BY table)";
        self.plain(SQL).await.ok()?.one().ok()??.parse().ok()
    }
}
