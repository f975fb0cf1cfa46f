//! The metrics of AWS IoT itself ("AWS IoT metrics and dimensions" of the developer guide), for CloudWatch: what the broker and the
//! rules count anyway, under the names that AWS has for it.

use crate::defender::NAMESPACE;
use crate::services::Services;
use drydock_cloud::cloudwatch::{Metric, Source};

impl Source for Services {
    fn counts(&self) -> Vec<(Metric, u64)> {
        let messages = self.host.broker.metrics().into_iter().filter(|(_, count)| *count > 0);
        let mut all: Vec<(Metric, u64)> =
            messages.map(|(name, count)| (Metric::new(NAMESPACE, name, &[("Protocol", "MQTT")]), count)).collect();
        for (name, rule, action, count) in self.rules.states.counts() {
            let dimensions = [("RuleName", rule.as_deref()), ("ActionType", action)];
            let dimensions: Vec<(&str, &str)> =
                dimensions.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            all.push((Metric::new(NAMESPACE, name, &dimensions), count));
        }
        all
    }
}
