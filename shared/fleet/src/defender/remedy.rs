//! Something that devices are to do about a finding or a violation: a release of one wave to a group that is made for it.

use crate::alert::digest;
use crate::release::Definition;
use crate::release::definition::{Abort, By, Remedy, Success, Wave, What};

/// The name of a remedy: its release and its group are called so. It follows from what it is for, so that it is asked for once.
#[must_use]
pub fn name(of: &str) -> String {
    format!("remedy-{:016x}", digest(of))
}

/// The release that brings the remedy to its group. It has an environment of its own: no other release waits for it, and it for none.
#[must_use]
pub fn release(name: &str, remedy: &Remedy) -> Definition {
    Definition {
        release_id: name.to_owned(),
        environment: name.to_owned(),
        what: What { remedy: Some(remedy.clone()), ..What::default() },
        waves: vec![Wave {
            name: "all".to_owned(),
            group: name.to_owned(),
            percent: None,
            continuous: false,
            success: Success::default(),
            abort: Some(Abort { percent: 100, minimum: 1 }),
            promote: By::Automatic,
            soak_minutes: 0,
            timeout_minutes: None,
            in_progress_timeout_minutes: None,
            retries: 0,
            maximum_per_minute: None,
        }],
        rollback: By::Manual,
        approval: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::definition::RemedyName;

    #[test]
    fn a_remedy_is_a_release_that_can_be() {
        let remedy = Remedy { name: RemedyName::RotateCertificate, parameters: serde_json::Map::new() };
        let name = name("violation-1");
        assert_eq!(release(&name, &remedy).check(), Ok(()));
        assert_ne!(name, super::name("violation-2"));
    }
}
