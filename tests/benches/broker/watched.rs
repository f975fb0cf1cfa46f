//! 200 publishers to one subscriber, while Device Defender Detect judges all devices by a profile of six behaviors, beside the same
//! gateway without one: what counting costs a message.

use crate::Options;
use crate::brokers::{Server, take_turns};
use crate::devices::Devices;
use crate::fan::{Fan, PUBLISHERS, Shape};
use crate::report::Report;
use serde_json::{Value, json};

/// The most that a message may cost of what it costs where nobody counts.
const TARGET: f64 = 1.03;

/// Attaches a profile to all devices: each metric that AWS IoT counts on the way of a message, one of them by topics.
fn watch(server: &Server) {
    let dimension =
        json!({ "type": "TOPIC_FILTER", "stringValues": ["bench/+/telemetry"], "clientRequestToken": "bench" });
    server.iot("POST", "/dimensions/telemetry", &dimension);
    let behavior = |name: &str, metric: &str| {
        json!({ "name": name, "metric": metric, "criteria": {
            "comparisonOperator": "less-than", "value": { "count": 1_000_000_000 }, "durationSeconds": 300,
        } })
    };
    let mut by_topic = behavior("telemetry", "aws:num-messages-sent");
    by_topic["metricDimension"] = json!({ "dimensionName": "telemetry", "operator": "IN" });
    let mut size = behavior("size", "aws:message-byte-size");
    size["criteria"]["durationSeconds"] = Value::Null;
    let behaviors = json!([
        by_topic,
        size,
        behavior("sent", "aws:num-messages-sent"),
        behavior("received", "aws:num-messages-received"),
        behavior("refused", "aws:num-authorization-failures"),
        behavior("connects", "aws:num-connection-attempts"),
    ]);
    server.iot("POST", "/security-profiles/bench", &json!({ "behaviors": behaviors }));
    let all = "arn%3Aaws%3Aiot%3Aus-east-1%3A123456789012%3Aall%2Fthings";
    server.iot("PUT", &format!("/security-profiles/bench/targets?securityProfileTargetArn={all}"), &json!({}));
}

/// Runs the scenario.
pub(crate) async fn run(name: &str, qos: u8, options: &Options, report: &mut Report) {
    let devices = Devices::new();
    let servers = [true, false].map(|is_watched| {
        let server = Server::drydock(options, &devices, false);
        if is_watched {
            watch(&server);
        }
        server
    });
    let shape = Shape { out: false, qos, tls: true };
    let turns = if options.callgrind { 1 } else { options.turns };
    let per_round = options.burst * PUBLISHERS;
    let rounds = options.count(500_000, 20_000).div_ceil(per_round * turns);
    let mut loads: Vec<(&Server, Fan)> = Vec::new();
    for server in &servers {
        let mut fan = Fan::new(&server.way(&devices, shape.tls), shape, options.burst, rounds).await;
        fan.round().await;
        loads.push((server, fan));
    }
    let spent = take_turns(turns, &mut loads).await;
    report.spent(name, rounds * per_round * turns, spent[0], Some(("without a profile", spent[1])), Some(TARGET));
}
