//! How far a run is, from counts that may be wrong.

/// A share from 0 to 100, or why it cannot be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Percent {
    /// So far.
    Known(f64),
    /// It cannot be told.
    Unknown(String),
}

/// The share that two counts make. Counts that cannot be true are told, not bent.
pub fn percent(done: f64, total: f64) -> Percent {
    if !(done.is_finite() && total.is_finite()) {
        return Percent::Unknown("its counts are no numbers".to_owned());
    }
    if total == 0.0 {
        return Percent::Unknown("its total is 0".to_owned());
    }
    if done < 0.0 || total < 0.0 {
        return Percent::Unknown(format!("its counts are below 0: {done} of {total}"));
    }
    if done > total {
        return Percent::Unknown(format!("it has done {done} of {total}; are `done` and `total` swapped?"));
    }
    Percent::Known(100.0 * done / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_cannot_be_true_are_told() {
        assert_eq!(percent(1.0, 4.0), Percent::Known(25.0));
        assert_eq!(percent(4.0, 4.0), Percent::Known(100.0));
        assert_eq!(percent(0.0, 0.0), Percent::Unknown("its total is 0".into()));
        assert_eq!(
            percent(400.0, 4.0),
            Percent::Unknown("it has done 400 of 4; are `done` and `total` swapped?".into())
        );
        assert_eq!(percent(f64::NAN, 1.0), Percent::Unknown("its counts are no numbers".into()));
        assert_eq!(percent(-1.0, 1.0), Percent::Unknown("its counts are below 0: -1 of 1".into()));
    }
}
