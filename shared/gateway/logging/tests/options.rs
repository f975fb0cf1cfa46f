//! The logging options, their precedence and the form of entries, by the pages "Configure AWS IoT logging" and "CloudWatch Logs AWS
//! IoT log entries" of the developer guide.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use drydock_core::{ErrorCode, Rulebook, Timestamp};
use drydock_logging::{Entry, EventType, Levels, Logging, Route, Status, Subject};
use drydock_model::iot::{
    DeleteV2LoggingLevelRequest, GetV2LoggingOptionsRequest, ListV2LoggingLevelsRequest, LogEventConfiguration,
    LogLevel, LogTarget, LogTargetType, LoggingOptionsPayload, SetLoggingOptionsRequest, SetV2LoggingLevelRequest,
    SetV2LoggingOptionsRequest,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/logs";

fn options(level: LogLevel) -> SetV2LoggingOptionsRequest {
    SetV2LoggingOptionsRequest {
        role_arn: Some(ROLE.to_owned()),
        default_log_level: Some(level),
        ..SetV2LoggingOptionsRequest::default()
    }
}

fn event(name: &str, level: Option<LogLevel>, destination: Option<&str>) -> LogEventConfiguration {
    LogEventConfiguration {
        event_type: name.to_owned(),
        log_level: level,
        log_destination: destination.map(str::to_owned),
    }
}

fn set(book: &mut Logging, kind: LogTargetType, name: &str, level: LogLevel) {
    let log_target = LogTarget { target_type: kind, target_name: Some(name.to_owned()) };
    let _ = book.set_v2_logging_level(&SetV2LoggingLevelRequest { log_level: level, log_target }).unwrap();
}

fn logs(levels: &Levels, event: EventType, success: bool, subject: &Subject<'_>) -> bool {
    levels.route(event, success, subject) != Route::Off
}

#[test]
fn nothing_is_logged_before_it_is_configured() {
    let mut book = Logging::new();
    assert!(book.levels().is_off());
    let not_configured = [
        book.get_v2_logging_options(&GetV2LoggingOptionsRequest::default()).unwrap_err().code,
        book.list_v2_logging_levels(&ListV2LoggingLevelsRequest::default()).unwrap_err().code,
    ];
    assert_eq!(not_configured, [ErrorCode::NotConfiguredException; 2]);
    for half in [
        SetV2LoggingOptionsRequest { role_arn: None, ..options(LogLevel::Info) },
        SetV2LoggingOptionsRequest { default_log_level: None, ..options(LogLevel::Info) },
        SetV2LoggingOptionsRequest {
            event_configurations: Some(vec![event("Conect", None, None)]),
            ..options(LogLevel::Info)
        },
    ] {
        assert_eq!(book.set_v2_logging_options(half).unwrap_err().code, ErrorCode::InvalidRequestException);
    }
}

#[test]
fn each_level_holds_those_before_it_and_failures_are_errors() {
    let anybody = Subject::default();
    for (level, expected) in [
        (LogLevel::Disabled, [false, false, false]),
        (LogLevel::Error, [true, false, false]),
        (LogLevel::Warn, [true, false, false]),
        (LogLevel::Info, [true, true, false]),
        (LogLevel::Debug, [true, true, true]),
    ] {
        let mut book = Logging::new();
        let _ = book.set_v2_logging_options(options(level)).unwrap();
        let levels = book.levels();
        let found = [
            logs(&levels, EventType::Connect, false, &anybody),
            logs(&levels, EventType::Connect, true, &anybody),
            logs(&levels, EventType::Ping, true, &anybody),
        ];
        assert_eq!(found, expected, "{level}");
        assert!(!logs(&levels, EventType::AuthNError, false, &anybody), "it has to be asked for");
    }
}

#[test]
fn a_resource_wins_over_an_event_type_and_that_over_the_account() {
    let mut book = Logging::new();
    let events = vec![
        event("Publish-In", Some(LogLevel::Disabled), None),
        event("Connect", Some(LogLevel::Info), Some("my/connects")),
        event("Connection.AuthNError", None, None),
    ];
    let request = SetV2LoggingOptionsRequest { event_configurations: Some(events), ..options(LogLevel::Error) };
    let _ = book.set_v2_logging_options(request).unwrap();
    set(&mut book, LogTargetType::ClientId, "dock-1", LogLevel::Debug);
    set(&mut book, LogTargetType::SourceIp, "192.0.2.1", LogLevel::Info);
    set(&mut book, LogTargetType::PrincipalId, "quiet", LogLevel::Disabled);
    let levels = book.levels();
    let anybody = Subject::default();
    let dock = Subject { client_id: Some("dock-1"), principal_id: Some("quiet"), ..anybody };
    assert_eq!(levels.route(EventType::Connect, true, &anybody), Route::Own("my/connects"));
    assert!(!logs(&levels, EventType::PublishIn, false, &anybody), "the event type is off");
    assert!(logs(&levels, EventType::PublishIn, true, &dock), "the resource has all event types");
    assert!(logs(&levels, EventType::Ping, true, &dock), "of several resources the one that logs most");
    assert!(
        logs(&levels, EventType::Subscribe, false, &anybody) && !logs(&levels, EventType::Subscribe, true, &anybody)
    );
    assert!(logs(&levels, EventType::AuthNError, false, &anybody), "asked for by event type");
    let quiet = Subject { principal_id: Some("quiet"), ..anybody };
    assert!(!logs(&levels, EventType::Connect, false, &quiet));
    let near = Subject { source_ip: Some("192.0.2.1"), ..anybody };
    assert!(logs(&levels, EventType::Subscribe, true, &near));
    let _ = book
        .set_v2_logging_options(SetV2LoggingOptionsRequest { disable_all_logs: Some(true), ..Default::default() })
        .unwrap();
    assert!(book.levels().is_off());
}

#[test]
fn a_groups_level_comes_down_to_groups_without_their_own() {
    let mut book = Logging::new();
    let _ = book.set_v2_logging_options(options(LogLevel::Error)).unwrap();
    set(&mut book, LogTargetType::ThingGroup, "harbour", LogLevel::Debug);
    set(&mut book, LogTargetType::ThingGroup, "pier", LogLevel::Error);
    let levels = book.levels();
    let line = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let connects =
        |groups: &[Vec<String>]| logs(&levels, EventType::Connect, true, &Subject { groups, ..Subject::default() });
    assert!(connects(&[line(&["berth", "harbour"])]));
    assert!(!connects(&[line(&["pier", "harbour"])]), "its own setting wins");
    assert!(connects(&[line(&["pier", "harbour"]), line(&["berth", "harbour"])]));
    assert!(!connects(&[line(&["elsewhere"])]));
}

#[test]
fn what_was_set_is_told_and_survives() {
    let mut book = Logging::new();
    let events = Some(vec![event("Connect", None, Some("mine"))]);
    let request = SetV2LoggingOptionsRequest { event_configurations: events, ..options(LogLevel::Warn) };
    let mut writes = book.set_v2_logging_options(request).unwrap().writes;
    for (kind, name) in
        [(LogTargetType::ClientId, "b"), (LogTargetType::ClientId, "a"), (LogTargetType::ThingGroup, "g")]
    {
        let log_target = LogTarget { target_type: kind, target_name: Some(name.to_owned()) };
        let request = SetV2LoggingLevelRequest { log_level: LogLevel::Info, log_target };
        writes.extend(book.set_v2_logging_level(&request).unwrap().writes);
    }
    let mut again = Logging::new();
    for write in writes {
        again.load(write.table, &write.key, &write.value.unwrap()).unwrap();
    }
    let told = again.get_v2_logging_options(&GetV2LoggingOptionsRequest::default()).unwrap();
    assert_eq!((told.role_arn.as_deref(), told.default_log_level), (Some(ROLE), Some(LogLevel::Warn)));
    assert_eq!(told.event_configurations.unwrap(), [event("Connect", Some(LogLevel::Warn), Some("mine"))]);
    let verbose = again.get_v2_logging_options(&GetV2LoggingOptionsRequest { verbose: Some(true) }).unwrap();
    assert_eq!(verbose.event_configurations.unwrap().len(), EventType::ALL.len());

    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let request = ListV2LoggingLevelsRequest {
            max_results: Some(2),
            next_token: token,
            ..ListV2LoggingLevelsRequest::default()
        };
        let page = again.list_v2_logging_levels(&request).unwrap();
        for one in page.log_target_configurations.unwrap() {
            let target = one.log_target.unwrap();
            found.push((target.target_type, target.target_name.unwrap_or_default(), one.log_level.unwrap()));
        }
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    let info = |kind, name: &str| (kind, name.to_owned(), LogLevel::Info);
    let client = LogTargetType::ClientId;
    let expected = [
        (LogTargetType::Default, String::new(), LogLevel::Warn),
        info(client, "a"),
        info(client, "b"),
        info(LogTargetType::ThingGroup, "g"),
    ];
    let mut sorted = found.clone();
    sorted.sort_by_key(|(kind, name, _)| (*kind != LogTargetType::Default, kind.to_string(), name.clone()));
    assert_eq!(sorted, expected);

    let gone = DeleteV2LoggingLevelRequest { target_type: client, target_name: "a".to_owned() };
    let _ = again.delete_v2_logging_level(&gone).unwrap();
    let _ = again.delete_v2_logging_level(&gone).unwrap();
    let left = ListV2LoggingLevelsRequest { target_type: Some(client), ..ListV2LoggingLevelsRequest::default() };
    assert_eq!(again.list_v2_logging_levels(&left).unwrap().log_target_configurations.unwrap().len(), 1);
}

#[test]
fn the_older_options_hold_while_there_are_no_others() {
    let mut book = Logging::new();
    assert_eq!(book.get_logging_options().role_arn, None);
    let logging_options_payload = LoggingOptionsPayload { log_level: Some(LogLevel::Info), role_arn: ROLE.to_owned() };
    let _ = book.set_logging_options(SetLoggingOptionsRequest { logging_options_payload }).unwrap();
    assert_eq!(book.get_logging_options().log_level, Some(LogLevel::Info));
    assert!(logs(&book.levels(), EventType::Connect, true, &Subject::default()));
    let _ = book.set_v2_logging_options(options(LogLevel::Error)).unwrap();
    assert!(!logs(&book.levels(), EventType::Connect, true, &Subject::default()));
}

/// The sample of "Connect log entry" and of "Publish-In log entry", with a failure.
#[test]
fn an_entry_is_written_as_aws_writes_it() {
    let at = Timestamp(1_502_379_443_476);
    let trace = "20b23f3f-d7f1-feae-169f-82263394fbdb".to_owned();
    let entry = Entry::new(EventType::Connect, at, trace.clone(), "123456789012".to_owned(), Status::Success)
        .with("protocol", "MQTT")
        .with("clientId", "abf27092886e49a8a5c1922749736453")
        .with_some("principalId", None::<String>)
        .with("sourceIp", "205.251.233.181")
        .with("sourcePort", 13490);
    assert_eq!(
        serde_json::to_string(&entry).unwrap(),
        concat!(
            r#"{"timestamp":"2017-08-10 15:37:23.476","logLevel":"INFO","traceId":"20b23f3f-d7f1-feae-169f-82263394fbdb","#,
            r#""accountId":"123456789012","status":"Success","eventType":"Connect","protocol":"MQTT","#,
            r#""clientId":"abf27092886e49a8a5c1922749736453","sourceIp":"205.251.233.181","sourcePort":13490}"#
        )
    );
    let status = Status::Failure { reason: "AUTHORIZATION_FAILURE".to_owned(), details: "Not authorized".to_owned() };
    let entry = Entry::new(EventType::PublishIn, at, trace, "123456789012".to_owned(), status).with("topicName", "a/b");
    let text = serde_json::to_string(&entry).unwrap();
    assert!(text.contains(r#""logLevel":"ERROR""#) && text.contains(r#""status":"Failure","eventType":"Publish-In""#));
    assert!(
        text.ends_with(r#""topicName":"a/b","reason":"AUTHORIZATION_FAILURE","details":"Not authorized"}"#),
        "{text}"
    );
    assert_eq!(entry.get("topicName").unwrap(), "a/b");
}
