//! What `template.yaml` promises on AWS, where nothing here would notice that it is missing: rights, alarms, limits.

use drydock_tests::workspace::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The template's resources, each with its text.
fn resources() -> Result<BTreeMap<String, String>, String> {
    let text = fs::read_to_string(root().join("template.yaml")).map_err(|e| e.to_string())?;
    let (_, after) = text.split_once("\nResources:\n").ok_or("the template has no resources")?;
    let (resources, _) = after.split_once("\nOutputs:\n").ok_or("the template has no outputs")?;
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in resources.lines() {
        if let Some(found) = line.strip_prefix("  ").and_then(|rest| rest.strip_suffix(':'))
            && !found.starts_with([' ', '#'])
        {
            name = found.to_owned();
        }
        all.entry(name.clone()).or_default().extend([line, "\n"]);
    }
    all.remove("");
    Ok(all)
}

fn of<'r>(resources: &'r BTreeMap<String, String>, kind: &str) -> Vec<(&'r str, &'r str)> {
    let line = format!("    Type: {kind}\n");
    let found = resources.iter().filter(|(_, text)| text.contains(&line));
    let found: Vec<_> = found.map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

#[test]
fn each_function_and_each_queue_is_watched() -> Result<(), String> {
    let resources = resources()?;
    let alarms = of(&resources, "AWS::CloudWatch::Alarm");
    let watched = |what: &[&str]| alarms.iter().any(|(_, alarm)| what.iter().all(|part| alarm.contains(part)));
    for (name, function) in of(&resources, "AWS::Serverless::Function") {
        let of_it = format!("Value: !Ref {name}\n");
        assert!(watched(&["MetricName: Errors", &of_it]), "{name}: nobody is told of its errors");
        // Who waits in a queue is not lost by a throttle; who calls for an answer is.
        let answers = !function.contains("Type: SQS");
        assert!(!answers || watched(&["MetricName: Throttles", &of_it]), "{name}: nobody is told of its throttles");
        let (queues, limits) = (function.matches("Type: SQS").count(), function.matches("MaximumConcurrency:").count());
        assert_eq!(queues, limits, "{name}: it may take all of the account's concurrency from who answers devices");
    }
    for (name, _) in of(&resources, "AWS::SQS::Queue") {
        assert!(watched(&[&format!("!GetAtt {name}.QueueName\n")]), "{name}: nobody is told of what stays there");
    }
    for (name, alarm) in alarms {
        assert!(alarm.contains("AlarmActions: [!Ref AlertsTopic]"), "{name} tells nobody");
        assert!(alarm.contains("TreatMissingData:"), "{name} does not say what it makes of no data");
        // A depth that stays is told once and never again; that it grows is told each time.
        let depth = alarm.contains("ApproximateNumberOfMessagesVisible");
        assert!(
            !depth || alarm.contains("Expression: DIFF("),
            "{name} rings once, and never again while messages stay"
        );
    }
    Ok(())
}

/// A function that a rule calls is tried three times within minutes; a queue goes on for hours.
#[test]
fn what_functions_work_on_waits_in_a_queue_through_an_outage() -> Result<(), String> {
    let resources = resources()?;
    for (name, rule) in of(&resources, "AWS::IoT::TopicRule") {
        assert!(!rule.contains("- Lambda:"), "{name}: an outage of minutes loses what devices send");
    }
    let number = |text: &str, name: &str| {
        let found = text.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().parse::<u64>().ok());
        found.ok_or_else(|| format!("{name} is missing"))
    };
    for (name, function) in of(&resources, "AWS::Serverless::Function") {
        for queue in function.split("Queue: !GetAtt ").skip(1).filter_map(|rest| rest.split('.').next()) {
            let text = resources.get(queue).ok_or_else(|| format!("{name}: there is no {queue}"))?;
            let tries = number(text, "maxReceiveCount:")?.saturating_mul(number(text, "VisibilityTimeout:")?);
            assert!(tries >= 4 * 3600, "{queue} gives a message up after {tries} s");
            assert!(
                text.contains("deadLetterTargetArn: !GetAtt DeadLetterQueue.Arn"),
                "{queue}: what is given up is gone"
            );
        }
    }
    Ok(())
}

#[test]
fn each_alarm_has_its_section_in_the_runbook() -> Result<(), String> {
    let resources = resources()?;
    let alarms: BTreeSet<&str> = of(&resources, "AWS::CloudWatch::Alarm").into_iter().map(|(name, _)| name).collect();
    let runbook = fs::read_to_string(root().join("shared/docs/runbook.md")).map_err(|e| e.to_string())?;
    let sections: Vec<(&str, &str)> =
        runbook.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect();
    let names: BTreeSet<&str> = sections.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        alarms, names,
        "shared/docs/runbook.md has a section for each alarm of template.yaml, and for nothing else"
    );
    assert_eq!(names.len(), sections.len(), "an alarm has two sections");
    for (name, text) in sections {
        let parts = ["- **Who notices:**", "- **Do:**"];
        assert!(parts.iter().all(|part| text.contains(part)), "{name}: who notices, and what is to be done?");
    }
    Ok(())
}

#[test]
fn nobody_gets_more_rights_than_are_named() -> Result<(), String> {
    let resources = resources()?;
    for (name, text) in &resources {
        let wide = ["Action: \"*\"", "Action: '*'", ":*\n", "- \"*\"\n"];
        let actions = text.lines().filter(|line| line.trim_start().starts_with("Action:") || line.contains("- iot:"));
        for line in actions {
            assert!(!wide.iter().any(|wide| format!("{line}\n").contains(wide)), "{name}: {line}");
        }
        assert!(!text.contains("ManagedPolicyArns"), "{name}: a policy of AWS's own allows more than it needs");
        // Otherwise another account's rule or template could have the service do it.
        if text.contains("Service: iot.amazonaws.com") {
            let bound = ["aws:SourceAccount:", "aws:SourceArn:"].iter().all(|key| text.contains(key));
            assert!(bound, "{name}: it trusts AWS IoT on behalf of anybody");
        }
    }
    Ok(())
}

/// The operations of AWS IoT that a file of the adapter calls.
fn calls(file: &str) -> Result<BTreeSet<String>, String> {
    let source = fs::read_to_string(root().join("shared/fleet-aws/src").join(file)).map_err(|e| e.to_string())?;
    let compact: String = source.split_whitespace().collect();
    let methods = compact.split("self.client.").skip(1).filter_map(|rest| rest.split_once("()"));
    let named = methods.map(|(method, _)| {
        let words = method.split('_').map(|word| match word {
            "ca" => "CA".to_owned(),
            _ => word.char_indices().map(|(at, c)| if at == 0 { c.to_ascii_uppercase() } else { c }).collect(),
        });
        format!("iot:{}", words.collect::<String>())
    });
    Ok(named.collect())
}

#[test]
fn functions_may_do_all_that_they_call() -> Result<(), String> {
    let resources = resources()?;
    // What two functions share, one of them may do.
    for (file, functions, least) in [
        ("iot.rs", &["JitRegistrationFunction", "ConnectivityFunction"][..], 8),
        ("jobs.rs", &["JobOrchestrationFunction"], 8),
        ("defender.rs", &["DefenderAuditFunction", "DefenderResponseFunction"], 12),
    ] {
        let calls = calls(file)?;
        assert!(calls.len() >= least, "{calls:?}");
        let texts: Option<Vec<&str>> = functions.iter().map(|name| resources.get(*name).map(String::as_str)).collect();
        let text = texts.ok_or_else(|| format!("there is not each of {functions:?}"))?.concat();
        for call in calls {
            let granted = [format!("Action: {call}\n"), format!("- {call}\n")].iter().any(|line| text.contains(line));
            assert!(granted, "{functions:?}: {call} is called and not granted");
        }
    }
    Ok(())
}
