//! Turns what the parts tell of into notices for the people who watch.

use crate::notice::{HELP, Notice, Notices, Tone, Topic};
use drydock_cloud::lambda::logs::Source;
use drydock_cloud::{Notice as CloudNotice, Observer};
use drydock_core::Event;
use drydock_core::event::DisconnectReason;
use drydock_core::event::detect::ViolationState;
use drydock_core::names::short;
use drydock_timers::Timers;

/// Tells of an event that a watcher wants to see.
pub fn event(notices: &Notices, event: &Event) {
    if !notices.wanted() {
        return;
    }
    let (at, tone, topic, subject, text) = match event {
        Event::ClientConnected { client, at, version } => (
            *at,
            Tone::Good,
            Topic::Connection,
            &client.client_id,
            format!("connected from {}, version {version}", client.ip),
        ),
        Event::ClientDisconnected { client, at, reason, .. } => {
            let (tone, reasons) = ended(*reason);
            notices.tell(|| Notice {
                at: *at,
                tone,
                topic: Topic::Connection,
                subject: client.client_id.to_string(),
                text: format!("disconnected: {}", reason.as_str()),
                reasons,
            });
            return;
        }
        Event::Subscribed { client, at, topics } => {
            (*at, Tone::Plain, Topic::Connection, &client.client_id, format!("subscribed to {}", topics.join(", ")))
        }
        Event::CertificatePending { certificate_id, ca_certificate_id, at, .. } => {
            notices.tell(|| Notice {
                at: *at,
                tone: Tone::Plain,
                topic: Topic::Certificate,
                subject: short(certificate_id).to_owned(),
                text: format!("PENDING_ACTIVATION, told on $aws/events/certificates/registered/{ca_certificate_id}"),
                reasons: Vec::new(),
            });
            return;
        }
        Event::DeviceCredentials { certificate_id, success, details, at } => {
            notices.tell(|| Notice {
                at: *at,
                tone: if *success { Tone::Good } else { Tone::Bad },
                topic: Topic::Certificate,
                subject: short(certificate_id).to_owned(),
                text: format!("credentials {}: {details}", if *success { "issued" } else { "refused" }),
                reasons: Vec::new(),
            });
            return;
        }
        Event::ViolationChanged { violation, at } => {
            let ViolationState { id, thing, profile, behavior, metric, value, change } = violation.as_ref();
            notices.tell(|| Notice {
                at: *at,
                tone: match *change {
                    "in-alarm" => Tone::Bad,
                    "alarm-cleared" => Tone::Good,
                    _ => Tone::Plain,
                },
                topic: Topic::Defender,
                subject: thing.to_string(),
                text: format!("{change}: `{behavior}` of the security profile `{profile}`, {metric} is {value}"),
                reasons: vec![format!("violation {id}")],
            });
            return;
        }
        Event::CertificateExpired { certificate_id, at } => {
            notices.tell(|| Notice {
                at: *at,
                tone: Tone::Bad,
                topic: Topic::Certificate,
                subject: short(certificate_id).to_owned(),
                text: "expired: what is connected with it is cut".to_owned(),
                reasons: Vec::new(),
            });
            return;
        }
        _ => return,
    };
    notices.tell(|| Notice { at, tone, topic, subject: subject.to_string(), text, reasons: Vec::new() });
}

/// How the end of a connection is meant, and what to do about it.
fn ended(reason: DisconnectReason) -> (Tone, Vec<String>) {
    match reason {
        DisconnectReason::DuplicateClientid => (
            Tone::Bad,
            vec![
                "a client id has one connection: another client came with the same, and took its place".to_owned(),
                format!("{HELP}give each client an id of its own; two with the same throw each other off by turns"),
            ],
        ),
        DisconnectReason::MqttKeepAliveTimeout => (
            Tone::Bad,
            vec![
                "nothing came from it for one and a half times its keep-alive".to_owned(),
                format!("{HELP}keep the client's loop running, or set a longer keep-alive (up to 1,200 s)"),
            ],
        ),
        // What the client did was told before.
        _ => (Tone::Plain, Vec::new()),
    }
}

/// An observer that turns what the stand-ins tell into notices.
#[must_use]
pub fn cloud_observer(notices: &Notices, time: &Timers) -> Observer {
    let (notices, time) = (notices.clone(), time.clone());
    Observer::new(move |told| match told {
        // Lambda's own lines around an invocation say what its report says again.
        CloudNotice::Log(line) if line.source == Source::Platform => {}
        told => notices.tell(|| cloud(told, &time)),
    })
}

fn cloud(told: CloudNotice, time: &Timers) -> Notice {
    let notice = |tone, topic, subject: String, text: String| Notice {
        at: time.now(),
        tone,
        topic,
        subject,
        text,
        reasons: Vec::new(),
    };
    match told {
        CloudNotice::Log(line) => notice(Tone::Plain, Topic::Log, line.function, line.text),
        CloudNotice::Report(report) => {
            let init = report.init_ms.map(|ms| format!(", started in {ms:.0} ms")).unwrap_or_default();
            match report.error {
                None => notice(
                    Tone::Good,
                    Topic::Function,
                    report.function,
                    format!("ran {:.1} ms{init}", report.duration_ms),
                ),
                Some(error) => notice(
                    Tone::Bad,
                    Topic::Function,
                    report.function,
                    format!("failed after {:.1} ms{init}: {error}", report.duration_ms),
                ),
            }
        }
        CloudNotice::AsyncFailed { function, attempts, why, retry_in_ms, .. } => {
            let next = retry_in_ms.map_or_else(|| "given up".to_owned(), |ms| format!("next try in {ms} ms"));
            notice(Tone::Bad, Topic::Function, function, format!("attempt {attempts} failed, {next}: {why}"))
        }
        CloudNotice::DeliveryFailed { from, to, why } => {
            notice(Tone::Bad, Topic::Cloud, from, format!("could not be delivered to {to}: {why}"))
        }
    }
}
