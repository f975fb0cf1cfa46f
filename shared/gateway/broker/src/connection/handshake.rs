//! From the opened stream to the CONNACK.

use super::{Connection, Held, wire};
use crate::broker::publish::is_topic;
use crate::broker::{Inner, NewConnection};
use crate::gate::{ConnectAttempt, Peer, Refusal, RefusalKind, WillRequest};
use crate::happening::{Count, Happening, Who};
use crate::limits::Limits;
use crate::message::{Message, Protocol, Qos};
use crate::packet::connect::{Connect, Will};
use crate::packet::fields::user_bytes;
use crate::packet::{PacketError, answer, connect, frame, kind, reason};
use crate::slots::{Ending, PendingWill};
use drydock_core::event::{ClientIdentity, DisconnectReason};
use drydock_core::{Event, Reserved};
use mqtt_protocol_core::mqtt::packet as codec;
use smol_str::{SmolStr, format_smolstr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// Reads a CONNECT and answers it; `None` where the connect was refused.
pub(crate) async fn greet<S>(inner: &Arc<Inner>, stream: &mut S, peer: &Arc<Peer>) -> Option<Box<Connection>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let patience = Duration::from_secs(inner.limits.connect_timeout_seconds);
    let read = tokio::select! {
        read = tokio::time::timeout(patience, read_connect(&inner.limits, stream)) => read,
        () = inner.closes() => return None,
    };
    let (connect, rest) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(NoConnect::Refused(protocol, error))) => {
            inner.tap.refused("", &format!("connect from {}: {error}", peer.remote));
            refuse(stream, protocol, error.reason_code()).await;
            return None;
        }
        Ok(Err(NoConnect::Closed)) | Err(_) => return None,
    };
    let protocol = connect.protocol;
    match admit(inner, peer, connect).await {
        Ok(mut connection) => {
            connection.partial = rest;
            Some(connection)
        }
        Err(None) => None,
        Err(Some(code)) => {
            refuse(stream, protocol, code).await;
            None
        }
    }
}

enum NoConnect {
    Closed,
    Refused(Protocol, PacketError),
}

async fn read_connect<S: AsyncRead + Unpin>(limits: &Limits, stream: &mut S) -> Result<(Connect, Vec<u8>), NoConnect> {
    let mut buffer = Vec::with_capacity(512);
    let most = usize::try_from(limits.packet_bytes_v5).unwrap_or(usize::MAX);
    loop {
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return Err(NoConnect::Closed),
            Ok(_) => {}
        }
        // MQTT-3.1.0-1: whatever else comes first ends the connection without an answer.
        if buffer.first().is_some_and(|first| first >> 4 != kind::CONNECT) {
            return Err(NoConnect::Closed);
        }
        let found = frame::next(&buffer, Protocol::V311, most).map_err(|e| NoConnect::Refused(Protocol::V311, e))?;
        let Some(found) = found else { continue };
        let body = buffer.get(found.body.clone()).unwrap_or_default();
        let connect = connect::decode(found.first, body).map_err(|e| NoConnect::Refused(connect::spoken(body), e))?;
        return Ok((connect, buffer.split_off(found.body.end)));
    }
}

async fn refuse<S: AsyncWrite + Unpin>(stream: &mut S, protocol: Protocol, code: u8) {
    let mut out = Vec::new();
    answer::put_connack(&mut out, protocol, false, code, codec::Properties::new());
    wire::write_all(stream, &out).await;
}

/// Checks a CONNECT, asks the gate, takes the client id. An error is the code to refuse with; `None` refuses silently.
async fn admit(inner: &Arc<Inner>, peer: &Arc<Peer>, mut connect: Connect) -> Result<Box<Connection>, Option<u8>> {
    let limits = &inner.limits;
    let assigned = assign_id(inner, &mut connect)?;
    let failed = |code: u8, count, why: &'static str| {
        inner.count(count);
        if inner.watch.is_on() {
            let who = Who { client_id: &connect.client_id, principal: "", remote: Some(peer.remote) };
            inner.tap.happened(who, Happening::ConnectFailed(why));
        }
        Some(code)
    };
    check(limits, &connect).map_err(|code| failed(code, Count::ConnectClientError, "CLIENT_ERROR"))?;
    let now = inner.now();
    if inner.is_closing() {
        return Err(Some(reason::SERVER_UNAVAILABLE));
    }
    inner.has_room(&connect.client_id, now).map_err(|code| match code {
        reason::CONNECTION_RATE_EXCEEDED => failed(code, Count::ConnectClientIdThrottle, "CLIENT_ID_THROTTLE"),
        _ => failed(code, Count::ConnectThrottle, "THROTTLED"),
    })?;
    let asked = match connect.protocol {
        Protocol::V311 if connect.clean => 0,
        Protocol::V311 => limits.session_expiry_seconds,
        Protocol::V5 => connect.session_expiry.map_or(0, u64::from),
    };
    let expiry_seconds = asked.min(limits.session_expiry_seconds);
    let attempt = ConnectAttempt {
        peer: Arc::clone(peer),
        protocol: connect.protocol,
        client_id: connect.client_id.clone(),
        persistent: expiry_seconds > 0,
        username: connect.username.take(),
        password: connect.password.take(),
        will: connect.will.as_ref().map(|w| WillRequest {
            topic: w.topic.clone(),
            qos: w.qos.unwrap_or_default(),
            retain: w.retain,
        }),
        user_properties: std::mem::take(&mut connect.user),
    };
    let clears = inner.clears.load(Ordering::Acquire);
    let admission = match inner.gate.connect(&attempt).await {
        Ok(admission) => admission,
        Err(refusal) => return Err(refused(inner, &attempt, refusal)),
    };
    // The gate may have waited, for an authorizer for example, and nobody who cuts connections found this one meanwhile.
    let ended = || inner.is_closing() || inner.clears.load(Ordering::Acquire) != clears;
    if !admission.session.holds() || ended() {
        let refusal = Refusal { kind: RefusalKind::Silent, principal: admission.principal, exclusive_thing: None };
        return Err(refused(inner, &attempt, refusal));
    }
    let gate = Arc::clone(&admission.session);
    let wanted = u64::from(connect.keep_alive);
    let keep_alive = match wanted {
        0 => limits.keep_alive_max_seconds,
        _ => wanted.max(limits.keep_alive_min_seconds).min(limits.keep_alive_max_seconds),
    };
    let keep_alive = u16::try_from(keep_alive).unwrap_or(u16::MAX);
    let attached = inner.attach(NewConnection {
        peer: Arc::clone(peer),
        protocol: connect.protocol,
        client_id: connect.client_id.clone(),
        clean: connect.clean,
        expiry_seconds,
        keep_alive,
        will: connect.will.take().map(|w| pending(limits, w)),
        admission,
    });
    // From here on it is found; what happened between the last look and now has to be looked for once more.
    if !gate.holds() {
        let ending = Ending { reason: DisconnectReason::AuthError, will: true, drop_session: false };
        inner.cut(&attached.link, ending, reason::NOT_AUTHORIZED);
    } else if ended() {
        let ending = Ending { reason: DisconnectReason::ServerInitiatedDisconnect, will: false, drop_session: false };
        inner.cut(&attached.link, ending, reason::ADMINISTRATIVE);
    }
    let mut connection = Box::new(Connection::new(Arc::clone(inner), attached.link, now));
    if let Some(most) = connect.receive_maximum {
        connection.window = connection.window.min(usize::from(most));
    }
    if let Some(most) = connect.maximum_packet_size {
        connection.max_packet = usize::try_from(most).unwrap_or(usize::MAX);
    }
    let answer = Answer {
        assigned: assigned.then(|| connect.client_id.clone()),
        expiry: (asked > expiry_seconds).then_some(expiry_seconds),
        keep_alive: (wanted != u64::from(keep_alive)).then_some(keep_alive),
    };
    let mut out = Vec::new();
    let properties = if connect.protocol == Protocol::V5 { answer.properties(limits) } else { Vec::new() };
    answer::put_connack(&mut out, connect.protocol, attached.resumed, reason::SUCCESS, properties);
    if let Some(commit) = attached.commit {
        connection.held.push_back(Held { commit, answers: out, publishes: 0, first: true });
    } else {
        connection.out = out;
        connection.greeted = true;
    }
    Ok(connection)
}

/// Gives an MQTT 5 client that has no id one. Whether it did.
fn assign_id(inner: &Inner, connect: &mut Connect) -> Result<bool, Option<u8>> {
    if !connect.client_id.is_empty() {
        return Ok(false);
    }
    // MQTT-3.1.3-8: there is nothing to find a session by that is to be kept. Beyond that AWS does not say what happens to an
    // empty id in MQTT 3.1.1; the guide has it assigned in MQTT 5 only, and `mosquitto_pub` without `-i` sends one.
    let assigns = connect.clean && inner.limits.assign_client_ids_v3 != 0;
    if connect.protocol == Protocol::V311 && !assigns {
        return Err(Some(reason::CLIENT_ID_INVALID));
    }
    // AWS does not say what an assigned id looks like; one that starts with `$` cannot be addressed by the connection API.
    connect.client_id = format_smolstr!("$GEN/{}", inner.ids.uuid());
    Ok(true)
}

/// Everything about a CONNECT that needs nobody's decision. An error is the code to refuse with.
fn check(limits: &Limits, connect: &Connect) -> Result<(), u8> {
    let id = &connect.client_id;
    if id.len() as u64 > limits.client_id_bytes || id.chars().any(char::is_control) {
        return Err(reason::CLIENT_ID_INVALID);
    }
    if connect.authentication_method {
        return Err(reason::BAD_AUTHENTICATION_METHOD);
    }
    // AWS does not say with which code a Maximum Packet Size below 512 is refused.
    if connect.maximum_packet_size.is_some_and(|most| u64::from(most) < limits.min_client_packet_bytes)
        || user_bytes(&connect.user) as u64 > limits.user_properties_bytes
    {
        return Err(reason::QUOTA_EXCEEDED);
    }
    let Some(will) = &connect.will else { return Ok(()) };
    if will.qos.is_none() {
        return Err(reason::QOS_NOT_SUPPORTED);
    }
    // What is retained is never on a reserved topic.
    let may_be = |reserved: Option<Reserved>| reserved.is_none() || !will.retain;
    if !is_topic(&will.topic, limits) || !Reserved::read(&will.topic).is_ok_and(may_be) {
        return Err(reason::TOPIC_INVALID);
    }
    if will.payload.len() as u64 > limits.payload_bytes {
        return Err(reason::PACKET_TOO_LARGE);
    }
    super::publish::check_properties(&will.properties, limits)
}

fn pending(limits: &Limits, will: Will) -> PendingWill {
    let message = Message {
        topic: will.topic,
        payload: will.payload,
        qos: will.qos.unwrap_or(Qos::AtMostOnce),
        retain: will.retain,
        properties: None,
        expires_at: None,
    };
    let expiry_seconds = will.expiry_seconds.map(|s| u64::from(s).clamp(1, limits.message_expiry_seconds.max(1)));
    PendingWill { message: message.with_properties(will.properties), expiry_seconds }
}

fn refused(inner: &Inner, attempt: &ConnectAttempt, refusal: Refusal) -> Option<u8> {
    let (count, why) = match refusal.kind {
        RefusalKind::NotAuthorized => (Count::ConnectAuthError, Some("AUTHORIZATION_FAILURE")),
        RefusalKind::Unavailable => (Count::ConnectServerError, Some("SERVER_ERROR")),
        // Who could not prove who it is gets an entry of its own kind, from the gate.
        RefusalKind::BadCredentials | RefusalKind::Silent => (Count::ConnectAuthError, None),
    };
    inner.count(count);
    if let Some(why) = why.filter(|_| inner.watch.is_on()) {
        let (client_id, principal) = (attempt.client_id.as_str(), refusal.principal.as_str());
        let who = Who { client_id, principal, remote: Some(attempt.peer.remote) };
        inner.tap.happened(who, Happening::ConnectFailed(why));
    }
    match refusal.kind {
        RefusalKind::NotAuthorized => {
            let client = Arc::new(ClientIdentity {
                client_id: attempt.client_id.clone(),
                exclusive_thing: refusal.exclusive_thing,
                principal: refusal.principal,
                session_identifier: SmolStr::from(inner.ids.uuid().to_string()),
                ip: attempt.peer.remote.ip(),
            });
            inner.tap.event(Event::ConnectFailed { client, at: inner.now() });
            Some(reason::NOT_AUTHORIZED)
        }
        RefusalKind::BadCredentials => Some(reason::BAD_CREDENTIALS),
        RefusalKind::Unavailable => Some(reason::SERVER_UNAVAILABLE),
        RefusalKind::Silent => None,
    }
}

/// What an MQTT 5 CONNACK says beside its code.
struct Answer {
    assigned: Option<SmolStr>,
    expiry: Option<u64>,
    keep_alive: Option<u16>,
}

impl Answer {
    fn properties(&self, limits: &Limits) -> codec::Properties {
        let short = |number: u64| u16::try_from(number).unwrap_or(u16::MAX);
        let long = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let mut list = codec::Properties::new();
        if let Some(Ok(p)) = self.expiry.map(|s| codec::SessionExpiryInterval::new(long(s))) {
            list.push(p.into());
        }
        if let Ok(p) = codec::ReceiveMaximum::new(short(limits.inbound_in_flight)) {
            list.push(p.into());
        }
        if let Ok(p) = codec::MaximumQos::new(1) {
            list.push(p.into());
        }
        if let Ok(p) = codec::RetainAvailable::new(1) {
            list.push(p.into());
        }
        if let Ok(p) = codec::MaximumPacketSize::new(long(limits.packet_bytes_v5)) {
            list.push(p.into());
        }
        if let Some(Ok(p)) = self.assigned.as_deref().map(codec::AssignedClientIdentifier::new) {
            list.push(p.into());
        }
        if let Ok(p) = codec::TopicAliasMaximum::new(short(limits.topic_aliases)) {
            list.push(p.into());
        }
        if let Ok(p) = codec::WildcardSubscriptionAvailable::new(1) {
            list.push(p.into());
        }
        if let Ok(p) = codec::SubscriptionIdentifierAvailable::new(0) {
            list.push(p.into());
        }
        if let Ok(p) = codec::SharedSubscriptionAvailable::new(1) {
            list.push(p.into());
        }
        if let Some(Ok(p)) = self.keep_alive.map(codec::ServerKeepAlive::new) {
            list.push(p.into());
        }
        list
    }
}
