//! Texts that nobody may see: they hide themselves wherever they are shown.

use std::fmt;

/// A text that may hold a password: `Debug` hides it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for whom it was meant.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// A URL for people: scheme, host, port and path, without user, password and query.
pub fn without_credentials(url: &str) -> String {
    let Ok(mut url) = url::Url::parse(url) else { return "[hidden]".to_owned() };
    url.set_query(None);
    url.set_fragment(None);
    let hidden = url.username().is_empty() && url.password().is_none();
    let cleared = hidden || (url.set_username("").is_ok() && url.set_password(None).is_ok());
    if cleared { url.to_string() } else { "[hidden]".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_for_people_has_no_credentials() {
        let shown = [
            "http://u:p@host:8123/db?password=x",
            "postgres://a:b@host/db?password=p@q",
            "sqlite:///x/y.db",
            "nonsense",
        ];
        let shown: Vec<String> = shown.into_iter().map(without_credentials).collect();
        assert_eq!(shown, ["http://host:8123/db", "postgres://host/db", "sqlite:///x/y.db", "[hidden]"]);
        assert_eq!(format!("{:?}", Secret::new("x")), "[hidden]");
    }
}
