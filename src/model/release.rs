//! One app version on one chart version.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{Place, Range, ServiceVersion, Version};

/// A release as an upgrade path lists it.
#[derive(Clone, Debug)]
pub struct Release {
    /// The app's version.
    pub app: Version,
    /// The version of the chart that ships it, where the product has charts.
    pub chart: Option<Version>,
    /// The day it came out.
    pub released: Option<Date>,
    /// Services that the release brings along, with their versions.
    pub provides: BTreeMap<String, ServiceVersion>,
    /// Services that it expects to be there.
    pub needs: BTreeMap<String, Range<ServiceVersion>>,
    /// Why it was withdrawn: then a path never stops there.
    pub withdrawn: Option<String>,
    /// Where it is declared.
    pub place: Place,
}
