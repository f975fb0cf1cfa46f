//! The software package catalog.
//!
//! - `catalog`: the operations on packages, their versions and the configuration. `sbom`: those on bills of materials.

mod catalog;
mod sbom;

use crate::call::Call;
use drydock_model::Router;

pub(crate) fn register(router: &mut Router<Call>) {
    catalog::register(router);
    sbom::register(router);
}
