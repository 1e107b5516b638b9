//! Settings of environments, and the trail of who changed them.

use std::collections::BTreeMap;

use sqlx::Row;

use super::error::StoreError;
use super::lease::take_turn;
use super::{open::Store, sql};

/// One change of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// The setting.
    pub name: String,
    /// What it was, if it was set.
    pub before: Option<String>,
    /// What it became; nothing when it went back to its default.
    pub after: Option<String>,
    /// Who changed it.
    pub by: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// When, in milliseconds since 1970, by that person's clock.
    pub at_ms: i64,
}

impl Store {
    /// The settings of an environment that are set.
    pub async fn settings(&self, environment: &str) -> Result<BTreeMap<String, String>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(sql::SETTINGS).bind(environment).fetch_all(&self.pool).await?;
            rows.iter().map(|row| Ok((row.try_get("name")?, row.try_get("value")?))).collect()
        })
        .await
    }

    /// Sets a setting, or takes it back to its default; what changes nothing leaves no trace.
    pub async fn set_setting(
        &self,
        environment: &str,
        name: &str,
        value: Option<&str>,
        by: &str,
        reason: Option<&str>,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        self.bounded(async {
            let mut tx = self.write().await?;
            take_turn(&mut tx).await?;
            let before = sqlx::query(sql::SETTING).bind(environment).bind(name).fetch_optional(&mut *tx).await?;
            let before: Option<String> = before.map(|row| row.try_get(0)).transpose()?;
            if before.as_deref() == value {
                return Ok(());
            }
            let change = match value {
                Some(value) => sqlx::query(sql::PUT_SETTING).bind(environment).bind(name).bind(value),
                None => sqlx::query(sql::DROP_SETTING).bind(environment).bind(name),
            };
            change.execute(&mut *tx).await?;
            sqlx::query(sql::INSERT_CHANGE)
                .bind(environment)
                .bind(name)
                .bind(before)
                .bind(value)
                .bind(by)
                .bind(reason)
                .bind(at_ms)
                .execute(&mut *tx)
                .await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Every change of an environment's settings, the earliest first.
    pub async fn setting_changes(&self, environment: &str) -> Result<Vec<SettingChange>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(sql::CHANGES).bind(environment).fetch_all(&self.pool).await?;
            let changes = rows.iter().map(|row| {
                Ok(SettingChange {
                    name: row.try_get("name")?,
                    before: row.try_get("value_before")?,
                    after: row.try_get("value_after")?,
                    by: row.try_get("changed_by")?,
                    reason: row.try_get("reason")?,
                    at_ms: row.try_get("at_ms")?,
                })
            });
            changes.collect()
        })
        .await
    }
}
