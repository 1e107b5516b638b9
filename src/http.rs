//! The one caller of URLs. It tells apart what was never sent, what may have been done, and what was answered.
//!
//! Nothing is retried, no connection is used twice, and no redirect is followed: it would carry headers elsewhere.
//! Errors name the method and the server only; the rest of a URL and its headers may hold secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, Url};
use thiserror::Error;

/// How much of an answer's body is read.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Who calls.
const USER_AGENT: &str = concat!("orchestrate/", env!("CARGO_PKG_VERSION"));

/// A URL to call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The method.
    pub method: &'a str,
    /// The address; a user and password in it are sent as such.
    pub url: &'a str,
    /// Headers.
    pub headers: &'a BTreeMap<String, String>,
    /// The body.
    pub body: Option<&'a str>,
    /// The status that means success.
    pub expect_status: u16,
    /// How long it may take, from the connection to the last byte.
    pub timeout: Duration,
}

/// An answer with the expected status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The first mebibyte of the body. Bytes that are not UTF-8 are replaced.
    pub body: String,
    /// Whether the body goes on.
    pub is_cut: bool,
}

/// A call without the expected answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// It can never be sent as it is written; it tells which part is wrong.
    #[error("the call cannot be sent: {0}")]
    Invalid(&'static str),
    /// The client cannot be set up.
    #[error("no URL can be called")]
    NoClient(#[source] reqwest::Error),
    /// There was no connection: nothing was done, and it may be tried again.
    #[error("{method} {server} was not sent")]
    NotSent {
        /// The method.
        method: String,
        /// Scheme, host and port.
        server: String,
        /// Why.
        source: reqwest::Error,
    },
    /// It was sent, and no whole answer came: what was done is not known.
    #[error("{method} {server} was sent, and the answer was lost")]
    Lost {
        /// The method.
        method: String,
        /// Scheme, host and port.
        server: String,
        /// Why.
        source: reqwest::Error,
    },
    /// Another status than the expected one.
    #[error("{method} {server} answered {} instead of {expected}", .answer.status)]
    Status {
        /// The method.
        method: String,
        /// Scheme, host and port.
        server: String,
        /// The status that means success.
        expected: u16,
        /// What was answered.
        answer: Answer,
    },
}

/// What calls URLs; it is made once and shared.
#[derive(Clone, Debug)]
pub struct Caller(reqwest::Client);

impl Caller {
    /// Reads the certificates that this machine trusts. Proxies are those of the process's environment.
    pub fn new() -> Result<Caller, HttpError> {
        // TLS needs one provider for the process; whoever comes first installs it.
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::trace!("a TLS provider is there already");
        }
        let client = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT);
        Ok(Caller(client.build().map_err(HttpError::NoClient)?))
    }

    /// Calls a URL once. Dropping it gives up the answer, not what was sent.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, HttpError> {
        let method = Method::from_bytes(call.method.as_bytes())
            .map_err(|_| HttpError::Invalid("the method is no word of HTTP"))?;
        let url = Url::parse(call.url).map_err(|_| HttpError::Invalid("the URL cannot be read"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(HttpError::Invalid("the URL begins neither with http:// nor with https://"));
        }
        let server = url.origin().ascii_serialization();
        let mut request = self.0.request(method, url).headers(headers(call.headers)?).timeout(call.timeout);
        if let Some(body) = call.body {
            request = request.body(body.to_owned());
        }
        let lost = |error: reqwest::Error| {
            let (method, server, source) = (call.method.to_owned(), server.clone(), error.without_url());
            if source.is_connect() || source.is_builder() {
                HttpError::NotSent { method, server, source }
            } else {
                HttpError::Lost { method, server, source }
            }
        };
        let response = request.send().await.map_err(lost)?;
        let answer = read(response).await.map_err(lost)?;
        if answer.status == call.expect_status {
            return Ok(answer);
        }
        Err(HttpError::Status { method: call.method.to_owned(), server, expected: call.expect_status, answer })
    }
}

fn headers(headers: &BTreeMap<String, String>) -> Result<HeaderMap, HttpError> {
    let header = |(name, value): (&String, &String)| {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| HttpError::Invalid("the name of a header holds what it may not"))?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| HttpError::Invalid("the value of a header holds what it may not"))?;
        value.set_sensitive(true);
        Ok((name, value))
    };
    headers.iter().map(header).collect()
}

async fn read(mut response: Response) -> Result<Answer, reqwest::Error> {
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    while bytes.len() <= BODY_BYTES_MAX
        && let Some(part) = response.chunk().await?
    {
        bytes.extend_from_slice(&part);
    }
    let is_cut = bytes.len() > BODY_BYTES_MAX;
    bytes.truncate(BODY_BYTES_MAX);
    Ok(Answer { status, body: String::from_utf8_lossy(&bytes).into_owned(), is_cut })
}
