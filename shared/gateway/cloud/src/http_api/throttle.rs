//! How many requests a stage lets through to a route: a bucket of tokens, which holds as many as may come at once and is filled at
//! the rate of the long run ("Throttle requests to your HTTP APIs").

use super::definition::{RouteSettings, Stage};
use crate::context::lock;
use drydock_core::Timestamp;
use std::collections::HashMap;
use std::sync::Mutex;

/// The buckets of all routes that have limits.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<(String, String, String), Bucket>>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

impl Throttle {
    /// Whether one more request may go through now.
    pub(super) fn admits(&self, api: &str, stage: &Stage, route: &str, now: Timestamp) -> bool {
        let own = stage.route_settings.get(route);
        let either = |of: fn(&RouteSettings) -> Option<f64>| own.and_then(of).or(of(&stage.default_route_settings));
        let (burst, rate) = (either(|one| one.throttling_burst_limit), either(|one| one.throttling_rate_limit));
        // The account's own limits of 5,000 and 10,000 a second are no limits here.
        let (burst, rate) = match (burst, rate) {
            (None, None) => return true,
            (burst, rate) => (burst.unwrap_or(5000.0), rate.unwrap_or(10_000.0)),
        };
        let mut buckets = lock(&self.0);
        let key = (api.to_owned(), stage.stage_name.clone(), route.to_owned());
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: burst, filled: now });
        let passed = (now.seconds_f64() - bucket.filled.seconds_f64()).max(0.0);
        bucket.tokens = rate.mul_add(passed, bucket.tokens).min(burst);
        bucket.filled = now;
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }

    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let stage: Stage = serde_json::from_value(serde_json::json!({
            "StageName": "$default",
            "DefaultRouteSettings": { "ThrottlingBurstLimit": 2, "ThrottlingRateLimit": "0.5" },
            "RouteSettings": { "GET /shut": { "ThrottlingBurstLimit": 0, "ThrottlingRateLimit": 0 } },
        }))
        .unwrap();
        let throttle = Throttle::default();
        let at = |ms: i64, route: &str| throttle.admits("api", &stage, route, Timestamp(ms));
        assert!(!at(0, "GET /shut"));
        let found: Vec<bool> = [0, 1, 2, 1900, 2100, 2200, 9000, 9001, 9002].map(|ms| at(ms, "GET /")).to_vec();
        assert_eq!(found, [true, true, false, false, true, false, true, true, false]);
    }
}
