//! Which metrics are measured of a device: those that its profiles judge, keep or export.

use crate::book::Detect;
use crate::profile::ExportConfig;
use crate::series::Scope;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// What is measured, with where each datapoint is exported to.
pub(crate) type Wanted = BTreeMap<Scope, BTreeSet<ExportConfig>>;

impl Detect {
    pub(crate) fn wanted(&self, profiles: &BTreeSet<SmolStr>) -> Wanted {
        let mut wanted = Wanted::new();
        for row in profiles.iter().filter_map(|name| self.profiles.get(name)) {
            for (metric, dimension, export) in row.measures() {
                let scope = Scope { metric: metric.to_owned(), dimension: dimension.cloned() };
                let exports = wanted.entry(scope).or_default();
                if let Some(config) = row.export.as_ref().filter(|_| export) {
                    exports.insert(config.clone());
                }
            }
        }
        wanted
    }

    /// The topic filters of what is measured; `None` where all messages are, and no filter where the dimension is gone.
    pub(crate) fn filters(&self, scope: &Scope) -> Option<&[String]> {
        let dimension = scope.dimension.as_ref()?;
        Some(self.dimensions.get(dimension.dimension_name.as_str()).map_or(&[], |row| row.values.as_slice()))
    }
}
