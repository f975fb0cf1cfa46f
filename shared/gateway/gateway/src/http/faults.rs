//! Faults that are asked for: `[faults]` of `drydock.toml` makes services of the API slow, busy or broken, so that one can see what
//! one's own code does then. By a service, or by one of its operations:
//!
//! ```toml
//! [faults]
//! seed = 7
//! dynamodb = { throttle = 0.2, fail = 0.05, lose = 0.01, delay_ms = 50 }
//! "iot.DescribeCertificate" = { per_second = 10 }
//! ```
//!
//! What is drawn follows from the seed and the number of the request, so that a run with the same requests in the same order
//! has the same faults. What the gateway does of itself, such as a rule that sends to a queue, makes no request and meets none.

use super::service::{self, Service, query_value, signing_name};
use bytes::Bytes;
use drydock_cloud::stand_ins;
use drydock_model::route;
use http::Request;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The names that faults may be given by, but for the operations' own: what is answered piece by piece meets none.
pub fn services() -> impl Iterator<Item = &'static str> + Clone {
    let in_pieces = |name: &str| stand_ins::of_scope(name).is_some_and(|service| service.in_pieces);
    service::names().filter(move |name| !in_pieces(name))
}

/// What `[faults]` says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asked {
    /// What is drawn follows from it.
    pub seed: u64,
    /// By a service, or a service and an operation.
    pub by_name: BTreeMap<String, Fault>,
}

/// The faults of one service or operation. Shares are between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fault {
    /// The share of requests that are refused as too many.
    pub throttle: f64,
    /// The share that fails, with nothing done.
    pub fail: f64,
    /// The share that is carried out, and answered as if it had failed.
    pub lose: f64,
    /// How long each waits.
    pub delay: Duration,
    /// So many a second are let through; more are refused as too many.
    pub per_second: Option<u32>,
}

/// The faults, at work.
#[derive(Debug, Default)]
pub struct Faults {
    asked: Asked,
    drawn: AtomicU64,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

/// What is left of a second's requests.
#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is carried out and answered.
    Served,
    /// It is refused as one too many.
    Throttled,
    /// It fails, with nothing done.
    Failed,
    /// It is carried out, and its answer is lost.
    Lost,
}

impl Faults {
    /// These faults.
    #[must_use]
    pub fn new(asked: Asked) -> Self {
        Self { asked, ..Self::default() }
    }

    /// What becomes of a request, once it has waited as long as it is to.
    pub(super) async fn meet(&self, service: Service, request: &Request<Bytes>) -> Fate {
        if self.asked.by_name.is_empty() {
            return Fate::Served;
        }
        let name = name(service);
        let operation = operation(service, request).map(|operation| format!("{name}.{operation}"));
        let by_operation = operation.and_then(|key| self.asked.by_name.get(&key).map(|fault| (key, *fault)));
        let by_service = || self.asked.by_name.get(name).map(|fault| (name.to_owned(), *fault));
        let Some((key, fault)) = by_operation.or_else(by_service) else { return Fate::Served };
        if !fault.delay.is_zero() {
            tokio::time::sleep(fault.delay).await;
        }
        self.fate(&key, &fault)
    }

    fn fate(&self, key: &str, fault: &Fault) -> Fate {
        if fault.per_second.is_some_and(|rate| !self.take(key, f64::from(rate))) {
            return Fate::Throttled;
        }
        let mut drawn = self.draw();
        for (share, fate) in [(fault.throttle, Fate::Throttled), (fault.fail, Fate::Failed), (fault.lose, Fate::Lost)] {
            if drawn < share {
                return fate;
            }
            drawn -= share;
        }
        Fate::Served
    }

    /// A number from 0 up to 1, by SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators".
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float of 64 holds")]
    fn draw(&self) -> f64 {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut z = self.asked.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn take(&self, key: &str, rate: f64) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let bucket = buckets.entry(key.to_owned()).or_insert(Bucket { left: rate, at: now });
        bucket.left = now.duration_since(bucket.at).as_secs_f64().mul_add(rate, bucket.left).min(rate);
        bucket.at = now;
        let may = bucket.left >= 1.0;
        if may {
            bucket.left -= 1.0;
        }
        may
    }
}

fn name(service: Service) -> &'static str {
    match service {
        Service::Iot(plane) => signing_name(plane),
        Service::Cloud(service) => service.as_str(),
    }
}

/// The operation that a request asks for, where its protocol names one or its path does.
fn operation(service: Service, request: &Request<Bytes>) -> Option<String> {
    if let Service::Iot(plane) = service {
        let found = route::find(plane, request.method().as_str(), request.uri().path()).ok()?;
        return Some(found.operation.name.to_owned());
    }
    if let Some(target) = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()) {
        return target.rsplit('.').next().map(str::to_owned);
    }
    let form = std::str::from_utf8(request.body()).unwrap_or_default();
    query_value(request.uri().query().unwrap_or_default(), "Action").or_else(|| query_value(form, "Action"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_cloud::{dynamodb, sns};
    use drydock_model::Service as Plane;

    fn faults(seed: u64, fault: Fault) -> Faults {
        Faults::new(Asked { seed, by_name: BTreeMap::from([("dynamodb".to_owned(), fault)]) })
    }

    #[test]
    fn a_seed_draws_the_same_each_time_and_in_the_shares_that_were_asked_for() {
        let fault = Fault { throttle: 0.2, fail: 0.1, lose: 0.05, ..Fault::default() };
        let draw = |seed| {
            let faults = faults(seed, fault);
            (0..10_000).map(|_| faults.fate("dynamodb", &fault)).collect::<Vec<_>>()
        };
        let fates = draw(7);
        assert_eq!(fates, draw(7));
        assert_ne!(fates, draw(8));
        let count = |fate| fates.iter().filter(|found| **found == fate).count();
        assert!((1800..2200).contains(&count(Fate::Throttled)), "{}", count(Fate::Throttled));
        assert!((850..1150).contains(&count(Fate::Failed)), "{}", count(Fate::Failed));
        assert!((400..600).contains(&count(Fate::Lost)), "{}", count(Fate::Lost));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_lets_so_many_through_a_second() {
        let fault = Fault { per_second: Some(10), ..Fault::default() };
        let faults = faults(0, fault);
        let served = || (0..30).filter(|_| faults.fate("dynamodb", &fault) == Fate::Served).count();
        assert_eq!(served(), 10);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(served(), 5);
    }

    #[tokio::test]
    async fn an_operation_is_known_by_its_target_its_action_or_its_path() {
        let request = |method: &str, uri: &str, target: Option<&str>, body: &'static str| {
            let mut request = Request::builder().method(method).uri(uri);
            if let Some(target) = target {
                request = request.header("x-amz-target", target);
            }
            request.body(Bytes::from_static(body.as_bytes())).unwrap()
        };
        let update = request("POST", "/", Some("DynamoDB_20120810.UpdateItem"), "{}");
        assert_eq!(operation(Service::Cloud(dynamodb::SERVICE), &update).as_deref(), Some("UpdateItem"));
        let publish = request("POST", "/", None, "Action=Publish&Message=x");
        assert_eq!(operation(Service::Cloud(sns::SERVICE), &publish).as_deref(), Some("Publish"));
        let iot = request("GET", "/certificates/abc", None, "");
        assert_eq!(operation(Service::Iot(Plane::Iot), &iot).as_deref(), Some("DescribeCertificate"));
        let fault = Fault { fail: 1.0, ..Fault::default() };
        let by_operation = BTreeMap::from([("iot.DescribeCertificate".to_owned(), fault)]);
        let faults = Faults::new(Asked { seed: 0, by_name: by_operation });
        assert_eq!(faults.meet(Service::Iot(Plane::Iot), &iot).await, Fate::Failed);
        assert_eq!(faults.meet(Service::Cloud(sns::SERVICE), &publish).await, Fate::Served);
    }
}
