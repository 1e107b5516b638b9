//! The store: reachable, of a format that is known, writable.

use crate::model::Secret;
use crate::store::{self, Examination, Standing};

use super::{Finding, clock, in_time};

const ABOUT: &str = "store";

/// What the store says of itself, and where everything stands that it keeps.
pub(super) async fn look(store: Option<&Secret>) -> (Vec<Finding>, Vec<Standing>) {
    let Some(url) = store else { return (Vec::new(), Vec::new()) };
    let (examined, standings) = tokio::join!(in_time(store::examine(url)), in_time(store::standings(url)));
    let findings = match &examined {
        Ok(examined) => judge(examined),
        Err(error) => {
            vec![Finding::bad(
                ABOUT,
                error,
                "check `store:` of the environment in orchestrate.yaml: without it nothing runs",
            )]
        }
    };
    (findings, standings.unwrap_or_default())
}

fn judge(examined: &Examination) -> Vec<Finding> {
    let Examination { store, format, clock, unwritable } = examined;
    let state = match (unwritable, format) {
        (Some(why), _) => {
            Finding::bad(ABOUT, format!("{store} cannot be written: {why}"), "give its user the right to write there")
        }
        (None, Some(format)) => Finding::good(ABOUT, format!("{store} has format {format} and can be written")),
        (None, None) => Finding::good(ABOUT, format!("{store} is empty; its tables are made at the first start")),
    };
    std::iter::once(state).chain(clock.as_ref().map(|clock| clock::judge(ABOUT, clock))).collect()
}
