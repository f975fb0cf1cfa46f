//! How often an operation may be asked about one client id: quotas of the kind "DeleteConnection requests per second per client ID".

use drydock_core::{ApiError, ErrorCode, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// After so many client ids those that have been quiet are forgotten.
const MANY: usize = 4096;
const SECOND: i64 = 1000;

/// What was asked lately, by operation and client id.
#[derive(Debug, Default)]
pub struct Paces {
    asked: Mutex<HashMap<(&'static str, String), Asked>>,
}

/// How often something was asked in the second that began then.
#[derive(Debug, Clone, Copy)]
struct Asked {
    since: Timestamp,
    times: u64,
}

impl Paces {
    /// Takes a call, where there were not `most` in this second already; 0 means no limit.
    ///
    /// # Errors
    /// `ThrottlingException`.
    pub fn take(&self, operation: &'static str, client_id: &str, most: u64, now: Timestamp) -> Result<(), ApiError> {
        if most == 0 {
            return Ok(());
        }
        let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MANY {
            all.retain(|_, asked| (0..SECOND).contains(&now.since(asked.since)));
        }
        let asked = all.entry((operation, client_id.to_owned())).or_insert(Asked { since: now, times: 0 });
        if !(0..SECOND).contains(&now.since(asked.since)) {
            *asked = Asked { since: now, times: 0 };
        }
        if asked.times >= most {
            let message = format!("{operation} may be called {most} times a second for client id `{client_id}`");
            return Err(ApiError::new(ErrorCode::ThrottlingException, message));
        }
        asked.times += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_takes_so_many_calls_for_each_client() {
        let paces = Paces::default();
        let take = |client: &str, at| paces.take("GetConnection", client, 1, Timestamp(at)).is_ok();
        assert!(take("a", 0) && take("b", 0));
        assert!(!take("a", 999));
        assert!(take("a", 1000));
        assert!(paces.take("ListSubscriptions", "a", 1, Timestamp(1000)).is_ok(), "each operation has its own");
        assert!((0..9).all(|_| paces.take("GetConnection", "a", 0, Timestamp(1000)).is_ok()), "0 means no limit");
    }
}
