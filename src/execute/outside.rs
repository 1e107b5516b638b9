//! Commands and calls: what acts on or asks neither a database nor a person.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::Template;
use crate::template::Context;

use super::perform::Came;
use super::site::Site;

/// A call as an operation has it.
pub(super) struct Http<'a> {
    pub method: &'a str,
    pub url: &'a Template,
    pub headers: &'a BTreeMap<String, Template>,
    pub body: Option<&'a Template>,
    pub expect_status: u16,
}

pub(super) async fn ask_command(_: &Site, _: &[Template], _: &Context, _: Duration) -> Result<Option<String>, String> {
    Err(String::new())
}
pub(super) async fn ask_http(
    _: &Site,
    _: &str,
    _: &Template,
    _: &BTreeMap<String, Template>,
    _: u16,
    _: &Context,
    _: Duration,
) -> Result<Option<String>, String> {
    Err(String::new())
}
pub(super) async fn run_command(
    _: &Site,
    _: &[Template],
    _: &BTreeMap<String, Template>,
    _: Option<&Template>,
    _: &Context,
    _: Duration,
    _: &CancellationToken,
) -> Result<Came, String> {
    Err(String::new())
}
pub(super) async fn call(
    _: &Site,
    _: &Http<'_>,
    _: &Context,
    _: Duration,
    _: &CancellationToken,
) -> Result<Came, String> {
    Err(String::new())
}
