//! Where a target is: its URL in parts, and what of it nobody may see.

use std::collections::BTreeMap;

use url::Url;

use crate::model::{Engine, Secret};

use super::error::{DatabaseError, Trouble};

/// A target of an environment, everything filled in.
#[derive(Clone, Debug)]
pub struct Location {
    /// The target's name, for messages.
    pub name: String,
    /// Its URL; the scheme is the engine.
    pub url: Secret,
    /// The database, instead of the one in the URL.
    pub database: Option<String>,
    /// The ClickHouse cluster.
    pub cluster: Option<String>,
}

/// Users that every installation has: no secret, and words of many messages.
const COMMON_USERS: [&str; 3] = ["default", "postgres", "root"];

/// A URL in parts, decoded.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Parts {
    pub engine: Engine,
    /// Scheme, host and port alone.
    pub server: Url,
    pub user: Option<String>,
    pub password: Option<String>,
    pub database: Option<String>,
    /// The query, without what stands above.
    pub options: BTreeMap<String, String>,
}

impl Location {
    pub(super) fn error(&self, message: impl Into<String>) -> DatabaseError {
        DatabaseError { target: self.name.clone(), trouble: Trouble::Refused, code: None, message: message.into() }
    }

    /// Reads the URL. No message holds any of it.
    pub(super) fn parts(&self) -> Result<Parts, DatabaseError> {
        let text = self.url.expose();
        let engine = match text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
            Some("http" | "https") => Engine::ClickHouse,
            Some("postgres" | "postgresql") => Engine::Postgres,
            Some("sqlite") => Engine::Sqlite,
            _ => return Err(self.error("the URL begins with none of http://, https://, postgres://, sqlite://")),
        };
        if engine != Engine::ClickHouse && self.cluster.is_some() {
            return Err(self.error(format!("{} has no clusters; leave `cluster` out", engine.as_str())));
        }
        if engine == Engine::Sqlite {
            return self.file();
        }
        let url = Url::parse(text).map_err(|error| self.error(format!("the URL cannot be read: {error}")))?;
        let mut parts = Parts {
            engine,
            server: url.clone(),
            user: Some(decoded(url.username())).filter(|user| !user.is_empty()),
            password: url.password().map(decoded),
            database: Some(decoded(url.path().trim_matches('/'))).filter(|path| !path.is_empty()),
            options: BTreeMap::new(),
        };
        for (key, value) in url.query_pairs() {
            match &*key {
                "user" => parts.user = Some(value.into_owned()),
                "password" => parts.password = Some(value.into_owned()),
                "database" | "dbname" => parts.database = Some(value.into_owned()),
                _ => {
                    parts.options.insert(key.into_owned(), value.into_owned());
                }
            }
        }
        parts.database = self.database.clone().or(parts.database);
        let server = &mut parts.server;
        server.set_path("");
        server.set_query(None);
        server.set_fragment(None);
        let cleared = server.set_username("").and_then(|()| server.set_password(None));
        cleared.map_err(|()| self.error("the URL has no host"))?;
        Ok(parts)
    }

    fn file(&self) -> Result<Parts, DatabaseError> {
        if self.database.is_some() {
            return Err(self.error("a SQLite file is one database; leave `database` out"));
        }
        let path = self.url.expose().split_once("://").map(|(_, rest)| rest).unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if path.is_empty() || path.contains(":memory:") || query.contains("mode=memory") {
            return Err(self.error("the URL names no file, as sqlite:///absolute/path.db does"));
        }
        let options = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        // Any URL will do: a file has no server.
        let server = Url::parse("sqlite://file").map_err(|error| self.error(error.to_string()))?;
        let parts = Parts {
            engine: Engine::Sqlite,
            server,
            user: None,
            password: None,
            database: Some(decoded(path)),
            options,
        };
        Ok(parts)
    }
}

impl Parts {
    /// What messages of a server may not repeat.
    pub fn hidden(&self) -> Hidden {
        let user = self.user.iter().filter(|user| !COMMON_USERS.contains(&user.as_str()));
        let secrets = self.password.iter().chain(user);
        let options = self.options.iter().filter(|(key, _)| is_secret(key)).map(|(_, value)| value);
        let mut words: Vec<String> = secrets.chain(options).filter(|word| !word.is_empty()).cloned().collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        Hidden(words)
    }
}

fn is_secret(option: &str) -> bool {
    let option = option.to_ascii_lowercase();
    ["pass", "secret", "token", "key", "auth", "user"].iter().any(|part| option.contains(part))
}

/// Words that are taken out of every message.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hidden(Vec<String>);

impl Hidden {
    /// A message without them. A short one is hidden only where it stands alone.
    pub fn clean(&self, message: &str) -> String {
        self.0.iter().fold(message.to_owned(), |text, word| {
            if word.len() < 6 { alone(&text, word) } else { text.replace(word, "[hidden]") }
        })
    }
}

fn alone(text: &str, word: &str) -> String {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (mut clean, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        clean.push_str(before);
        let stands_alone = !is_part(clean.chars().next_back()) && !is_part(after.chars().next());
        clean.push_str(if stands_alone { "[hidden]" } else { word });
        rest = after;
    }
    clean.push_str(rest);
    clean
}

/// A part of a URL without its percent signs.
fn decoded(text: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes();
    let (mut plain, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1).copied().and_then(digit).zip(bytes.get(at + 2).copied().and_then(digit));
        match pair {
            Some((high, low)) if byte == b'%' => {
                plain.push(high * 16 + low);
                at += 3;
            }
            Some(_) | None => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Location {
        Location { name: "main".into(), url: Secret::new(url), database: None, cluster: None }
    }

    fn parts(url: &str) -> Parts {
        at(url).parts().expect("the URL is right")
    }

    #[test]
    fn credentials_stand_before_the_host_or_in_the_query() {
        let one = parts("https://us%40er:p%2Bq+%ZZ@host:8443/events?max_threads=3");
        assert_eq!(one.server.as_str(), "https://host:8443/");
        assert_eq!((one.user.as_deref(), one.password.as_deref()), (Some("us@er"), Some("p+q+%ZZ")));
        assert_eq!(one.database.as_deref(), Some("events"));
        assert_eq!(one.options, BTreeMap::from([("max_threads".to_owned(), "3".to_owned())]));
        let other = parts("http://host?user=a&password=b%20c&database=d");
        assert_eq!(other.server.as_str(), "http://host/");
        assert_eq!((other.user.as_deref(), other.password.as_deref()), (Some("a"), Some("b c")));
        assert_eq!(other.database.as_deref(), Some("d"));
    }

    #[test]
    fn the_database_of_the_target_wins() {
        let location = Location { database: Some("own".into()), ..at("http://host/other") };
        assert_eq!(location.parts().expect("the URL is right").database.as_deref(), Some("own"));
        assert_eq!(parts("sqlite:///a%20b/c.db?mode=ro").database.as_deref(), Some("/a b/c.db"));
    }

    #[test]
    fn no_refusal_repeats_the_url() {
        let message = |location: Location| location.parts().err().map(|error| error.to_string());
        assert_eq!(
            message(at("mysql://user:word@host")).as_deref(),
            Some("main: the URL begins with none of http://, https://, postgres://, sqlite://")
        );
        assert_eq!(message(at("http://user:word@:x")).as_deref(), Some("main: the URL cannot be read: empty host"));
        assert_eq!(
            message(at("sqlite::memory:")).as_deref(),
            Some("main: the URL begins with none of http://, https://, postgres://, sqlite://")
        );
        assert_eq!(
            message(at("sqlite://:memory:")).as_deref(),
            Some("main: the URL names no file, as sqlite:///absolute/path.db does")
        );
        assert_eq!(
            message(Location { cluster: Some("c".into()), ..at("postgres://a") }).as_deref(),
            Some("main: Postgres has no clusters; leave `cluster` out")
        );
    }

    #[test]
    fn messages_are_cleaned_of_what_the_url_holds() {
        let hidden = parts("postgres://ann:sesame-1@host/db?sslkey=/x/y.pem").hidden();
        assert_eq!(
            hidden.clean("user \"ann\" of annex: sesame-1x, /x/y.pem"),
            "user \"[hidden]\" of annex: [hidden]x, [hidden]"
        );
        assert_eq!(parts("http://default@host").hidden().clean("default: no"), "default: no");
    }
}
