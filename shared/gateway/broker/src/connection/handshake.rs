//! From the opened stream to the CONNACK.

use super::state::{Connection, Held};
use super::wire;
use crate::broker::attach::NewConnection;
use crate::broker::inner::Inner;
use crate::gate::{ConnectAttempt, Peer, Refusal, RefusalKind, Transport, WillRequest};
use crate::happening::{Count, Happening, Who};
use crate::limits::Limits;
use crate::message::{Message, Protocol, Qos};
use crate::packet::connect::{Connect, Will};
use crate::packet::fields::user_bytes;
use crate::packet::{PacketError, answer, connect, frame, kind, reason};
use crate::properties;
use crate::slots::Ending;
use crate::tap::Remark;
use crate::will::PendingWill;
use drydock_core::Event;
use drydock_core::event::{ClientIdentity, DisconnectReason};
use drydock_core::topic::fault;
use mqtt_protocol_core::mqtt::packet as codec;
use smol_str::{SmolStr, format_smolstr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// What a client does that connects too often.
const SLOWER: &str = "wait longer before each attempt, as AWS's SDKs do, or raise the limit: see `drydock limits`";

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
            remark(inner, peer, "", &format!("connect refused: {error}"), error.help());
            refuse(stream, protocol, error.reason_code()).await;
            return None;
        }
        Ok(Err(NoConnect::Closed)) => return None,
        Ok(Err(NoConnect::Other(first))) => {
            let (what, help) = other_protocol(first, peer);
            remark(inner, peer, "", &format!("connection closed: {what}"), help);
            return None;
        }
        Err(_) => {
            let seconds = patience.as_secs();
            let what = format!("connection closed: no CONNECT within {seconds} s");
            remark(inner, peer, "", &what, "send a CONNECT first: the server of MQTT says nothing before it");
            return None;
        }
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

/// How a handshake of TLS begins.
const TLS: [u8; 2] = [0x16, 3];

enum NoConnect {
    Closed,
    /// Something other than a CONNECT came first: its first byte.
    Other(u8),
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
        // The first two bytes of TLS are those of a CONNECT with flags that none has, and too short for one.
        let is_tls = buffer.starts_with(&TLS);
        if let Some(first) = buffer.first().filter(|first| is_tls || **first >> 4 != kind::CONNECT) {
            return Err(NoConnect::Other(*first));
        }
        let found = frame::next(&buffer, Protocol::V311, most).map_err(|e| NoConnect::Refused(Protocol::V311, e))?;
        let Some(found) = found else { continue };
        let body = buffer.get(found.body.clone()).unwrap_or_default();
        let connect = connect::decode(found.first, body).map_err(|e| NoConnect::Refused(connect::spoken(body), e))?;
        return Ok((connect, buffer.split_off(found.body.end)));
    }
}

/// Tells of a connection that did not come about.
fn remark(inner: &Inner, peer: &Peer, client_id: &str, what: &str, help: &str) {
    inner.tap.remark(&Remark { remote: Some(peer.remote), ..Remark::refused(client_id, what, help) });
}

/// What a client speaks that begins with this byte, and what to do about it.
fn other_protocol(first: u8, peer: &Peer) -> (&'static str, &'static str) {
    match (first, peer.transport) {
        // A handshake record of TLS.
        (0x16, Transport::Plain) => (
            "the client speaks TLS on the port of MQTT without TLS",
            "use the port of MQTT over TLS, or switch TLS off",
        ),
        (b'A'..=b'Z', _) => ("the client speaks HTTP on a port of MQTT", "use the port of HTTPS, or an MQTT client"),
        _ => ("the first packet is not a CONNECT", "send a CONNECT first"),
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
    let assigned = assign_id(inner, peer, &mut connect)?;
    let failed = |code: u8, count, why: &'static str, (what, help): (&str, &str)| {
        inner.count(count);
        remark(inner, peer, &connect.client_id, &format!("connect refused: {what}"), help);
        if inner.watch.is_on() {
            let who = Who { client_id: &connect.client_id, principal: "", remote: Some(peer.remote) };
            inner.tap.happened(who, Happening::ConnectFailed(why));
        }
        Some(code)
    };
    check(limits, &connect)
        .map_err(|(code, what, help)| failed(code, Count::ConnectClientError, "CLIENT_ERROR", (&what, help)))?;
    let now = inner.now();
    if inner.is_closing() {
        return Err(Some(reason::SERVER_UNAVAILABLE));
    }
    inner.has_room(&connect.client_id, now).map_err(|code| match code {
        reason::CONNECTION_RATE_EXCEEDED => {
            let why = ("more connects a second than AWS IoT takes, of this client id or of the account", SLOWER);
            failed(code, Count::ConnectClientIdThrottle, "CLIENT_ID_THROTTLE", why)
        }
        _ => {
            failed(code, Count::ConnectThrottle, "THROTTLED", ("there are as many connections as there may be", SLOWER))
        }
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
    let keep_alive = keep_alive(inner, peer, &connect);
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
        keep_alive: (connect.keep_alive != keep_alive).then_some(keep_alive),
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

/// The keep-alive that counts: what the client asks for within AWS's bounds, the most where it asks for none.
fn keep_alive(inner: &Inner, peer: &Peer, connect: &Connect) -> u16 {
    let limits = &inner.limits;
    let wanted = u64::from(connect.keep_alive);
    let counts = match wanted {
        0 => limits.keep_alive_max_seconds,
        _ => wanted.max(limits.keep_alive_min_seconds).min(limits.keep_alive_max_seconds),
    };
    if wanted > counts {
        let what = format!("keep-alive of {wanted} s cut to {counts} s, the most that AWS IoT takes");
        let help =
            "set it to no more than that: a client that is silent for one and a half times as long is disconnected";
        let (client_id, remote) = (connect.client_id.as_str(), Some(peer.remote));
        inner.tap.remark(&Remark { client_id, remote, refused: false, what: &what, help });
    }
    u16::try_from(counts).unwrap_or(u16::MAX)
}

/// Gives an MQTT 5 client that has no id one. Whether it did.
fn assign_id(inner: &Inner, peer: &Peer, connect: &mut Connect) -> Result<bool, Option<u8>> {
    if !connect.client_id.is_empty() {
        return Ok(false);
    }
    // MQTT-3.1.3-8: there is nothing to find a session by that is to be kept. Beyond that AWS does not say what happens to an
    // empty id in MQTT 3.1.1; the guide has it assigned in MQTT 5 only, and `mosquitto_pub` without `-i` sends one.
    let assigns = connect.clean && inner.limits.assign_client_ids_v3 != 0;
    if connect.protocol == Protocol::V311 && !assigns {
        let help = "give the client an id: the thing's name, for example";
        remark(inner, peer, "", "connect refused: the client id is empty, and a session is to be kept", help);
        return Err(Some(reason::CLIENT_ID_INVALID));
    }
    // AWS does not say what an assigned id looks like; one that starts with `$` cannot be addressed by the connection API.
    connect.client_id = format_smolstr!("$GEN/{}", inner.ids.uuid());
    Ok(true)
}

/// Everything about a CONNECT that needs nobody's decision. An error is the code to refuse with, why, and what to do.
fn check(limits: &Limits, connect: &Connect) -> Result<(), (u8, String, &'static str)> {
    let id = &connect.client_id;
    let most = limits.client_id_bytes;
    if id.len() as u64 > most {
        let why = format!("the client id has {} bytes; the limit is {most}", id.len());
        return Err((reason::CLIENT_ID_INVALID, why, "use a shorter one: the thing's name has no more than that"));
    }
    if id.chars().any(char::is_control) {
        return Err((reason::CLIENT_ID_INVALID, "the client id contains a control character".to_owned(), ""));
    }
    if connect.authentication_method {
        let why = "an Authentication Method, which AWS IoT does not have".to_owned();
        return Err((
            reason::BAD_AUTHENTICATION_METHOD,
            why,
            "use a certificate, a custom authorizer or Signature Version 4",
        ));
    }
    // AWS does not say with which code a Maximum Packet Size below 512 is refused.
    let least = limits.min_client_packet_bytes;
    if let Some(size) = connect.maximum_packet_size.filter(|most| u64::from(*most) < least) {
        let why = format!("a Maximum Packet Size of {size} bytes; the least is {least}");
        return Err((reason::QUOTA_EXCEEDED, why, "take larger packets"));
    }
    let (bytes, most) = (user_bytes(&connect.user), limits.user_properties_bytes);
    if bytes as u64 > most {
        let why = format!("its User Properties together have {bytes} bytes; the limit is {most}");
        return Err((reason::QUOTA_EXCEEDED, why, ""));
    }
    let Some(will) = &connect.will else { return Ok(()) };
    if will.qos.is_none() {
        let why = "the will has QoS 2: AWS IoT has no QoS 2".to_owned();
        return Err((reason::QOS_NOT_SUPPORTED, why, "set the will's QoS to 1"));
    }
    if let Some(fault) = fault::of_publish(&will.topic, will.retain, limits.topics()) {
        return Err((reason::TOPIC_INVALID, format!("the will's topic `{}`: {fault}", will.topic), fault.help()));
    }
    let (bytes, most) = (will.payload.len(), limits.payload_bytes);
    if bytes as u64 > most {
        let why = format!("the will has {bytes} bytes; the limit is {most}");
        return Err((reason::PACKET_TOO_LARGE, why, "send less"));
    }
    let properties = properties::check(&will.properties, limits);
    properties.map_err(|(code, why)| (code, format!("the will: {why}"), ""))
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
