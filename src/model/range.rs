//! Ranges of versions: comma-separated comparators as the `semver` crate reads them, on sets that can be intersected.
//!
//! Differences from `semver::VersionReq`, both deliberate: service versions have a fourth number, and a pre-release is
//! simply ordered before its release (`<1.38.0` holds `1.38.0-rc.1`).

use std::fmt::{self, Debug, Display};

use thiserror::Error;
use version_ranges::Ranges;

use super::version::parse_number;
use super::{ServiceVersion, Version};

/// A text that is no range.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RangeError {
    /// One comparator cannot be read.
    #[error("`{0}` is not a comparator")]
    Comparator(String),
    /// `||`, which the format does not have.
    #[error("alternatives with `||` are not part of a range")]
    Alternatives,
    /// Two comparators with a blank between them.
    #[error("comparators are separated by commas")]
    NoComma,
    /// Nothing can be inside.
    #[error("no version is inside `{0}`")]
    Empty(String),
}

/// A kind of version that ranges can be made of.
pub trait Ranged: Clone + Ord + Debug + Display {
    /// How many numbers a version of this kind has.
    const NUMBERS: usize;
    /// The version of these numbers; further ones are ignored.
    fn from_parts(numbers: [u64; 4]) -> Self;
    /// The lowest version that begins with these numbers: its first pre-release, if this kind has such.
    fn lowest_from(numbers: [u64; 4]) -> Self;
    /// Reads a whole version that is more than numbers (a pre-release), if this kind has such.
    fn parse_special(text: &str) -> Option<Self>;
}

impl Ranged for Version {
    const NUMBERS: usize = 3;
    fn from_parts([major, minor, patch, _]: [u64; 4]) -> Self {
        Version::new(major, minor, patch)
    }
    fn lowest_from([major, minor, patch, _]: [u64; 4]) -> Self {
        Version::lowest_from(major, minor, patch)
    }
    fn parse_special(text: &str) -> Option<Self> {
        Version::parse(text).ok().filter(|version| !version.pre_release().is_empty())
    }
}

impl Ranged for ServiceVersion {
    const NUMBERS: usize = 4;
    fn from_parts(numbers: [u64; 4]) -> Self {
        ServiceVersion::from_numbers(numbers)
    }
    fn lowest_from(numbers: [u64; 4]) -> Self {
        ServiceVersion::from_numbers(numbers)
    }
    fn parse_special(_text: &str) -> Option<Self> {
        None
    }
}

/// A set of versions with the text it was written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range<V: Ranged> {
    text: String,
    set: Ranges<V>,
}

impl<V: Ranged> Range<V> {
    /// Reads `>=1.20.0, <1.24.0`, `^1.2`, `~1.2.3`, `=1.2.3`, `1.2.*`, `*`. A bare version means `^`, as in Cargo.
    pub fn parse(text: &str) -> Result<Range<V>, RangeError> {
        if text.contains("||") {
            return Err(RangeError::Alternatives);
        }
        let mut set = Ranges::full();
        for comparator in text.split(',').map(str::trim) {
            set = set.intersection(&parse_comparator(comparator)?);
        }
        if set == Ranges::empty() {
            return Err(RangeError::Empty(text.to_owned()));
        }
        Ok(Range { text: text.to_owned(), set })
    }

    /// Whether the version is inside.
    pub fn contains(&self, version: &V) -> bool {
        self.set.contains(version)
    }

    /// The set itself.
    pub fn set(&self) -> &Ranges<V> {
        &self.set
    }
}

impl<V: Ranged> Display for Range<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where a comparator's version ends: at its last number that was written, or as a whole version.
struct Operand<V> {
    lowest: V,
    numbers: [u64; 4],
    written: usize,
    has_wildcard: bool,
}

impl<V: Ranged> Operand<V> {
    /// The lowest version after all those that begin with the first `kept` numbers.
    fn after(&self, kept: usize) -> V {
        V::from_parts(self.numbers_after(kept))
    }

    /// Everything below those: their own pre-releases do not belong to what comes before them.
    fn until(&self, kept: usize) -> Ranges<V> {
        Ranges::strictly_lower_than(V::lowest_from(self.numbers_after(kept)))
    }

    fn numbers_after(&self, kept: usize) -> [u64; 4] {
        let mut numbers = [0; 4];
        numbers[..kept].copy_from_slice(&self.numbers[..kept]);
        numbers[kept - 1] = numbers[kept - 1].saturating_add(1);
        numbers
    }

    fn is_whole(&self) -> bool {
        self.written == V::NUMBERS
    }
}

fn parse_comparator<V: Ranged>(comparator: &str) -> Result<Ranges<V>, RangeError> {
    let wrong = || RangeError::Comparator(comparator.to_owned());
    if comparator == "*" {
        return Ok(Ranges::full());
    }
    let split = comparator.find(|c: char| !"<>=^~".contains(c)).ok_or_else(wrong)?;
    let (operator, version) = comparator.split_at(split);
    let version = version.trim();
    if version.contains(char::is_whitespace) {
        return Err(if version.contains(['<', '>', '=']) { RangeError::NoComma } else { wrong() });
    }
    let operand = parse_operand::<V>(version).ok_or_else(wrong)?;
    if operand.written == 0 {
        return if operator.is_empty() { Ok(Ranges::full()) } else { Err(wrong()) };
    }
    let from = || Ranges::higher_than(operand.lowest.clone());
    Ok(match operator {
        ">=" => from(),
        ">" if operand.is_whole() => Ranges::strictly_higher_than(operand.lowest.clone()),
        ">" => Ranges::higher_than(operand.after(operand.written)),
        "<" => Ranges::strictly_lower_than(operand.lowest.clone()),
        "<=" if operand.is_whole() => Ranges::lower_than(operand.lowest.clone()),
        "<=" => operand.until(operand.written),
        "=" | "==" if operand.is_whole() => Ranges::singleton(operand.lowest.clone()),
        "=" | "==" => from().intersection(&operand.until(operand.written)),
        "" if operand.has_wildcard => from().intersection(&operand.until(operand.written)),
        "~" => from().intersection(&operand.until(operand.written.min(2))),
        "^" | "" => from().intersection(&operand.until(caret_kept(&operand))),
        _ => return Err(wrong()),
    })
}

/// Caret keeps everything up to and including the first number that is not zero.
fn caret_kept<V>(operand: &Operand<V>) -> usize {
    let written = operand.written.min(3);
    operand.numbers[..written].iter().position(|number| *number != 0).map_or(written, |index| index + 1)
}

fn parse_operand<V: Ranged>(text: &str) -> Option<Operand<V>> {
    let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let mut numbers = [0; 4];
    if let Some(special) = V::parse_special(bare) {
        let whole = bare.split(['-', '+']).next()?;
        for (slot, part) in numbers.iter_mut().zip(whole.split('.')) {
            *slot = parse_number(part)?;
        }
        return Some(Operand { lowest: special, numbers, written: V::NUMBERS, has_wildcard: false });
    }
    let mut written = 0;
    let mut has_wildcard = false;
    for part in bare.split('.') {
        match part {
            "*" | "x" | "X" => has_wildcard = true,
            _ if has_wildcard => return None,
            number => {
                *numbers.get_mut(written).filter(|_| written < V::NUMBERS)? = parse_number(number)?;
                written += 1;
            }
        }
    }
    Some(Operand { lowest: V::from_parts(numbers), numbers, written, has_wildcard })
}

/// A set as a range's text: `>=1.23.0, <1.24.0`; several stretches with `||`; everything is `*`.
pub fn format_ranges<V: Ranged>(set: &Ranges<V>) -> String {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let stretches: Vec<String> = set
        .iter()
        .map(|(low, high)| {
            let low = match low {
                Included(version) => format!(">={version}"),
                Excluded(version) => format!(">{version}"),
                Unbounded => String::new(),
            };
            let high = match high {
                Included(version) => format!("<={version}"),
                Excluded(version) => format!("<{version}"),
                Unbounded => String::new(),
            };
            match (low.is_empty(), high.is_empty()) {
                (true, true) => "*".to_owned(),
                (false, true) => low,
                (true, false) => high,
                (false, false) => format!("{low}, {high}"),
            }
        })
        .collect();
    stretches.join(" || ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holds(range: &str, version: &str) -> bool {
        let version = ServiceVersion::parse(version).expect("a version of the test");
        Range::<ServiceVersion>::parse(range).expect("a range of the test").contains(&version)
    }

    #[test]
    fn four_numbers_and_partial_bounds() {
        assert!(holds(">=21.6.0", "22.3.6.5"));
        assert!(holds("<=22.3.6", "22.3.6.5"));
        assert!(holds("<=1.23", "1.23.17"));
        assert!(!holds("<1.23", "1.23.0"));
        assert!(holds("=22.3", "22.3.13.80"));
        assert!(!holds(">22.3", "22.3.13.80"));
        assert!(holds("~22.3.6", "22.3.13.80"));
        assert!(holds("*", "0.0.1"));
        assert!(holds("1.3.*", "1.3.9"));
        assert!(!holds("1.3.*", "1.4.0"));
        assert!(Range::<ServiceVersion>::parse("1.*.junk").is_err());
    }

    #[test]
    fn a_pre_release_belongs_to_what_it_precedes() {
        let holds = |range: &str, version: &str| {
            let version = Version::parse(version).expect("a version of the test");
            Range::<Version>::parse(range).expect("a range of the test").contains(&version)
        };
        assert!(holds("<1.38.0", "1.38.0-rc.1"), "a written bound is simply ordered");
        assert!(holds("~1.3.0", "1.3.9"));
        assert!(!holds("~1.3.0", "1.4.0-rc.1"));
        assert!(!holds("^1.2.0", "2.0.0-rc.1"));
        assert!(!holds("<=1.2", "1.3.0-rc.1"));
    }

    #[test]
    fn what_is_no_range_says_why() {
        let error = |text| Range::<ServiceVersion>::parse(text).expect_err("a wrong range of the test");
        assert_eq!(error(">=1.0 || <2.0"), RangeError::Alternatives);
        assert_eq!(error(">=1.28 <1.30"), RangeError::NoComma);
        assert_eq!(error(">=abc"), RangeError::Comparator(">=abc".into()));
        assert_eq!(error(""), RangeError::Comparator(String::new()));
        assert_eq!(error(">=2.0, <1.0"), RangeError::Empty(">=2.0, <1.0".into()));
    }

    #[test]
    fn sets_print_as_ranges() {
        let set = |text: &str| Range::<ServiceVersion>::parse(text).expect("a range of the test").set().clone();
        let both = set(">=1.20.0, <1.24.0").intersection(&set(">=1.22.0, <1.25.0"));
        assert_eq!(format_ranges(&both), ">=1.22.0, <1.24.0");
        assert_eq!(format_ranges(&set("*")), "*");
    }

    proptest! {
        /// The `semver` crate is the oracle for versions without pre-release.
        #[test]
        fn agrees_with_semver(
            operator in prop::sample::select(vec![">=", ">", "<", "<=", "=", "^", "~", ""]),
            written in 1usize..=3, bound in prop::array::uniform3(0u64..3), version in prop::array::uniform3(0u64..3),
        ) {
            let bound: Vec<String> = bound.iter().take(written).map(u64::to_string).collect();
            let text = format!("{operator}{}", bound.join("."));
            let oracle = semver::VersionReq::parse(&text).expect("semver reads it");
            let expected = oracle.matches(&semver::Version::new(version[0], version[1], version[2]));
            let [major, minor, patch] = version;
            let app = Range::<Version>::parse(&text).is_ok_and(|range| range.contains(&Version::new(major, minor, patch)));
            let service = ServiceVersion::from_numbers([major, minor, patch, 0]);
            let of_service = Range::<ServiceVersion>::parse(&text).is_ok_and(|range| range.contains(&service));
            prop_assert_eq!(app, expected, "{}", text);
            prop_assert_eq!(of_service, expected, "{}", text);
        }
    }
}
