//! The real servers of the tests: where they are, and a fresh database on each. `scripts/servers` starts them.

use std::sync::LazyLock;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Without idle connections: each test has a runtime of its own, and a connection ends with the runtime that made it.
static HTTP: LazyLock<reqwest::Client> = LazyLock::new(|| {
    // Another test may have chosen it already.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .build()
        .expect("a client without settings is buildable")
});

/// The URL of Postgres, with a user and a password, at its own database `postgres`.
pub fn postgres_url() -> String {
    variable("ORCHESTRATE_TEST_POSTGRES_URL")
}

/// The URL of the current ClickHouse engine, with a user and a password. `second_shard` is one more of it.
pub fn clickhouse_url() -> String {
    variable("ORCHESTRATE_TEST_CLICKHOUSE_URL")
}

/// The URL of a ClickHouse server of 2018, with a user and a password: the one that has a wire of its own, and ON CLUSTER `two_nodes`.
pub fn old_clickhouse_url() -> String {
    variable("ORCHESTRATE_TEST_CLICKHOUSE_OLD_URL")
}

/// Where the second shard of the cluster `two_shards` answers: the same port of the next address.
pub fn second_shard(url: &str) -> String {
    url.replacen("@127.0.0.1:", "@127.0.0.2:", 1)
}

/// The URL with another password, which the server refuses.
pub fn with_wrong_password(url: &str) -> String {
    let mut url = url::Url::parse(url).expect("the URL of a test server is one");
    url.set_password(Some("wrong")).expect("the URL has a host");
    url.to_string()
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set; run the tests by scripts/test, or by `scripts/servers run -- cargo test`")
    })
}

/// A name that no other test and no earlier run has.
fn fresh_name() -> String {
    format!("orchestrate_{}", uuid::Uuid::now_v7().simple())
}

/// The URL of a new, empty Postgres database.
pub async fn fresh_postgres_database() -> String {
    let mut url = url::Url::parse(&postgres_url()).expect("the URL of Postgres is one");
    let name = fresh_name();
    postgres(url.as_str(), &format!("CREATE DATABASE {name}")).await;
    url.set_path(&name);
    url.to_string()
}

/// Runs statements on Postgres, which must succeed.
pub async fn postgres(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    connection.close().await.expect("the connection closes");
}

/// Asks Postgres for the text of one value.
pub async fn ask_postgres(url: &str, sql: &str) -> String {
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    let value = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{error}\n{sql}"));
    connection.close().await.expect("the connection closes");
    value
}

/// A database of a ClickHouse server.
#[derive(Clone, Debug)]
pub struct ClickHouse {
    /// The server, with user and password.
    pub url: String,
    /// The database's name, which needs no quotes.
    pub database: String,
}

impl ClickHouse {
    /// A new, empty database on this server.
    pub async fn fresh(url: String) -> Self {
        Self { url, database: fresh_name() }.created().await
    }

    /// The database of the same name on the second shard, new too.
    pub async fn on_second_shard(&self) -> Self {
        Self { url: second_shard(&self.url), database: self.database.clone() }.created().await
    }

    async fn created(self) -> Self {
        let server = Self { url: self.url.clone(), database: "default".to_owned() };
        server.run(&format!("CREATE DATABASE {}", self.database)).await;
        self
    }

    /// Runs one statement, which must succeed; the answer is in columns that tabs divide.
    pub async fn run(&self, sql: &str) -> String {
        self.try_run(sql, &[]).await.unwrap_or_else(|error| panic!("{error}\n{sql}"))
    }

    /// Runs one statement with settings (or a `query_id`); an error is the server's text.
    pub async fn try_run(&self, sql: &str, settings: &[(&str, &str)]) -> Result<String, String> {
        let mut url = url::Url::parse(&self.url).map_err(|error| error.to_string())?;
        url.query_pairs_mut().append_pair("database", &self.database).extend_pairs(settings);
        let response = HTTP.post(url).body(sql.to_owned()).send().await.map_err(|error| error.to_string())?;
        let succeeded = response.status().is_success();
        let text = response.text().await.map_err(|error| error.to_string())?.trim_end().to_owned();
        if succeeded { Ok(text) } else { Err(text) }
    }
}
