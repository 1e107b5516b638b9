//! The servers of a cluster, as one of them sees it.

use super::super::error::{Failure, Trouble};
use super::client::{ClickHouse, text};

/// One server of a cluster.
pub(in crate::database) struct Member {
    /// The number of its shard.
    pub shard: u32,
    /// As the cluster calls it.
    pub name: String,
    /// The way to it.
    pub server: ClickHouse,
}

const MEMBERS: &str = "SELECT shard_num, host_name, is_local FROM system.clusters WHERE cluster = ? \
                       ORDER BY shard_num, is_local DESC, replica_num, host_name";

impl ClickHouse {
    /// Every server of the cluster: shard by shard, in each shard this one first.
    pub async fn members(&self) -> Result<Vec<Member>, Failure> {
        let alone = |name: &str| vec![Member { shard: 1, name: name.to_owned(), server: self.clone() }];
        let Some(cluster) = &self.cluster else { return Ok(alone(self.server.host_str().unwrap_or_default())) };
        let answer = self.own(MEMBERS, cluster).await?;
        let rows: Vec<(u32, &str, bool)> = answer
            .rows
            .iter()
            .filter_map(|row| Some((text(row, 0)?.parse().ok()?, text(row, 1)?, text(row, 2)? == "1")))
            .collect();
        match rows.as_slice() {
            [] => Err(Failure::new(Trouble::Refused, format!("the server knows no cluster `{cluster}`"))),
            // The only one is the one that answered, by whatever way it was reached.
            [(_, name, _)] => Ok(alone(name)),
            rows => rows.iter().map(|&(shard, name, is_local)| self.member(shard, name, is_local)).collect(),
        }
    }

    fn member(&self, shard: u32, name: &str, is_local: bool) -> Result<Member, Failure> {
        let is_elsewhere = is_loopback(name) && !self.server.host_str().is_some_and(is_loopback);
        let server = match (is_elsewhere, is_local) {
            (false, _) => self.at(name),
            (true, true) => Some(self.clone()),
            (true, false) => None,
        };
        let unreachable =
            || format!("the cluster calls a server `{name}`, and that name does not lead there from here");
        let server = server.ok_or_else(|| Failure::new(Trouble::Refused, unreachable()))?;
        Ok(Member { shard, name: name.to_owned(), server })
    }
}

/// Whether a name means "this machine" to whoever reads it.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
