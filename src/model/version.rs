//! Versions: of apps and charts (semver), of services (up to four numbers and a suffix), and partial ones for the command line.

use std::cmp::Ordering;
use std::fmt;

use thiserror::Error;

/// A text that is no version.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum VersionError {
    /// Fewer than three numbers where a whole version is needed.
    #[error("`{text}` is not a whole version")]
    Partial {
        /// What was written.
        text: String,
        /// The same with zeros.
        whole: String,
    },
    /// Anything else.
    #[error("`{text}` is not a version")]
    Unreadable {
        /// What was written.
        text: String,
    },
}

/// An app's or a chart's version, ordered by semver's precedence (build metadata does not count).
#[derive(Clone, Debug)]
pub struct Version(semver::Version);

impl Version {
    /// Reads `1.33.0` or `v1.33.0`; `1.33` is refused, since nobody can tell which release it means.
    pub fn parse(text: &str) -> Result<Version, VersionError> {
        let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
        if let Ok(version) = semver::Version::parse(bare) {
            return Ok(Version(version));
        }
        match PartialVersion::parse(text) {
            Ok(partial) => Err(VersionError::Partial { text: text.to_owned(), whole: partial.lowest().to_string() }),
            Err(_) => Err(VersionError::Unreadable { text: text.to_owned() }),
        }
    }

    /// A version of three numbers.
    pub fn new(major: u64, minor: u64, patch: u64) -> Version {
        Version(semver::Version::new(major, minor, patch))
    }

    /// The lowest version of these numbers, which is their first pre-release.
    pub fn lowest_from(major: u64, minor: u64, patch: u64) -> Version {
        let mut version = semver::Version::new(major, minor, patch);
        version.pre = semver::Prerelease::new("0").unwrap_or_default();
        Version(version)
    }

    /// Major, minor, patch.
    pub fn numbers(&self) -> [u64; 3] {
        [self.0.major, self.0.minor, self.0.patch]
    }

    /// The pre-release part, empty for a final release.
    pub fn pre_release(&self) -> &str {
        self.0.pre.as_str()
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Version {}
impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
    }
}
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A version as people type it: `1`, `1.30` or whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartialVersion {
    /// `1`: any release of that major.
    Major(u64),
    /// `1.30`: any release of that minor.
    Minor(u64, u64),
    /// `1.30.0`: that release.
    Whole(Version),
}

impl PartialVersion {
    /// Reads one to three numbers with an optional leading `v`; three may carry a pre-release.
    pub fn parse(text: &str) -> Result<PartialVersion, VersionError> {
        let unreadable = || VersionError::Unreadable { text: text.to_owned() };
        let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
        if let Ok(version) = semver::Version::parse(bare) {
            return Ok(PartialVersion::Whole(Version(version)));
        }
        let numbers = bare.split('.').map(parse_number).collect::<Option<Vec<u64>>>().ok_or_else(unreadable)?;
        match numbers.as_slice() {
            [major] => Ok(PartialVersion::Major(*major)),
            [major, minor] => Ok(PartialVersion::Minor(*major, *minor)),
            _ => Err(unreadable()),
        }
    }

    /// Whether a whole version is one of those meant.
    pub fn matches(&self, version: &Version) -> bool {
        let [major, minor, _] = version.numbers();
        match self {
            PartialVersion::Major(wanted) => major == *wanted,
            PartialVersion::Minor(wanted, wanted_minor) => major == *wanted && minor == *wanted_minor,
            PartialVersion::Whole(wanted) => version == wanted,
        }
    }

    /// The lowest version meant, with zeros for what is missing.
    pub fn lowest(&self) -> Version {
        match self {
            PartialVersion::Major(major) => Version::new(*major, 0, 0),
            PartialVersion::Minor(major, minor) => Version::new(*major, *minor, 0),
            PartialVersion::Whole(version) => version.clone(),
        }
    }
}

impl fmt::Display for PartialVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartialVersion::Major(major) => write!(f, "{major}"),
            PartialVersion::Minor(major, minor) => write!(f, "{major}.{minor}"),
            PartialVersion::Whole(version) => version.fmt(f),
        }
    }
}

/// A service's version as the service itself tells it: `22.3.6.5`, `15.4 (Debian 15.4-1)`, `v1.22.17-gke.100`.
///
/// Only its numbers count for order and equality; missing ones are zero. A suffix is a build's name, not a pre-release.
#[derive(Clone, Debug)]
pub struct ServiceVersion {
    numbers: [u64; 4],
    text: String,
}

impl ServiceVersion {
    /// Reads one to four numbers, then anything that does not begin like a fifth.
    pub fn parse(text: &str) -> Result<ServiceVersion, VersionError> {
        let unreadable = || VersionError::Unreadable { text: text.to_owned() };
        let bare = text.trim();
        let bare = bare.strip_prefix(['v', 'V']).unwrap_or(bare);
        let length = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
        let (digits, suffix) = bare.split_at(length);
        if suffix.starts_with(|c: char| c.is_alphabetic()) && !suffix.starts_with("rc") && !suffix.starts_with("beta") {
            return Err(unreadable());
        }
        let mut numbers = [0; 4];
        let parts: Vec<&str> = digits.split('.').collect();
        if parts.len() > 4 {
            return Err(unreadable());
        }
        for (slot, part) in numbers.iter_mut().zip(parts) {
            *slot = parse_number(part).ok_or_else(unreadable)?;
        }
        Ok(ServiceVersion { numbers, text: text.trim().to_owned() })
    }

    /// A version from its numbers.
    pub fn from_numbers(numbers: [u64; 4]) -> ServiceVersion {
        let [a, b, c, d] = numbers;
        let text = if d == 0 { format!("{a}.{b}.{c}") } else { format!("{a}.{b}.{c}.{d}") };
        ServiceVersion { numbers, text }
    }

    /// The four numbers.
    pub fn numbers(&self) -> [u64; 4] {
        self.numbers
    }
}

impl PartialEq for ServiceVersion {
    fn eq(&self, other: &Self) -> bool {
        self.numbers == other.numbers
    }
}
impl Eq for ServiceVersion {}
impl PartialOrd for ServiceVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for ServiceVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers)
    }
}
impl fmt::Display for ServiceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Digits only: no sign, no blank, and no overflow.
pub(super) fn parse_number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_whole_and_may_carry_a_v() {
        assert_eq!(Version::parse("v1.33.0"), Version::parse("1.33.0"));
        assert_eq!(Version::parse("1.30"), Err(VersionError::Partial { text: "1.30".into(), whole: "1.30.0".into() }));
        assert_eq!(Version::parse("latest"), Err(VersionError::Unreadable { text: "latest".into() }));
    }

    #[test]
    fn precedence_orders_pre_releases_first_and_ignores_builds() {
        let parse = |text| Version::parse(text).expect("a version of the test");
        assert!(parse("1.30.0-rc.1") < parse("1.30.0"));
        assert_eq!(parse("1.30.0+a"), parse("1.30.0+b"));
        assert!(parse("1.9.0") < parse("1.10.0"));
    }

    #[test]
    fn service_versions_keep_their_text_and_compare_by_numbers() {
        let parse = |text| ServiceVersion::parse(text).expect("a version of the test");
        assert!(parse("22.3.6.5") < parse("22.3.13.80"));
        assert_eq!(parse("15.4 (Debian 15.4-1)").numbers(), [15, 4, 0, 0]);
        assert_eq!(parse("v1.22.17-gke.100").numbers(), [1, 22, 17, 0]);
        assert_eq!(parse("15.4 (Debian 15.4-1)").to_string(), "15.4 (Debian 15.4-1)");
        assert!(ServiceVersion::parse("latest").is_err());
        assert!(ServiceVersion::parse("1.2.3.4.5").is_err());
        assert!(ServiceVersion::parse("1..2").is_err());
    }
}
