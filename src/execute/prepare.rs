//! Finds out the parts of an operation: the rows of `for_each`, the hosts of `each_shard`.

use std::time::Duration;

use crate::database::DatabaseError;
use crate::model::{Action, Operation, Scope};
use crate::run::{Fault, FaultKind, Part};

use super::perform::{fault, unsent};
use super::site::{Site, Texts};

/// More rows than this are not what `for_each` is for.
const ROWS_MAX: usize = 10_000;

/// The parts of an operation, fixed from here on.
pub(super) async fn parts(
    site: &Site,
    texts: &Texts,
    operation: &Operation,
    timeout: Duration,
) -> Result<Vec<Part>, Fault> {
    let refused = |message: String| Fault { kind: FaultKind::Refused, message };
    let lost = |error: DatabaseError| unsent(fault(site, &error));
    let name = operation.target.as_deref().unwrap_or_default();
    let target = site.target(name).map_err(refused)?;
    let hosts = match operation.scope {
        Scope::EachShard => {
            target.database.shards().await.map_err(lost)?.into_iter().map(|host| Some(host.name)).collect()
        }
        Scope::Server | Scope::Cluster => vec![None],
    };
    let Action::ForEach { rows, .. } = &operation.action else {
        return Ok(hosts.into_iter().map(|host| Part { host, ..Part::default() }).collect());
    };
    let context = site.context(texts, Some(name), None);
    let sql = site.sql(rows, name, &context).map_err(refused)?;
    let mut parts = Vec::new();
    for host in hosts {
        let database = match &host {
            Some(host) => target.database.on_host(host).await.map_err(lost)?,
            None => target.database.clone(),
        };
        let rows = database.rows(&sql, timeout, ROWS_MAX).await.map_err(lost)?;
        parts.extend(rows.into_iter().map(|item| Part { host: host.clone(), item: Some(item), slice: None }));
    }
    Ok(parts)
}
