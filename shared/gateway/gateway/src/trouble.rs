//! Connections that come to nothing before anybody has said who he is, in words for who builds the device: what was seen, and what
//! to do about it.

use drydock_host::notice::HELP;
use rustls::server::ClientHello;
use rustls::{AlertDescription, CertificateError, CipherSuite, Error, InvalidMessage, PeerIncompatible, ServerConfig};
use std::fmt::Debug;
use std::io;

/// How many of the things that a client offers are shown.
const MOST_SHOWN: usize = 12;

/// What a client said of itself as it began.
#[derive(Debug, Default)]
pub(crate) struct Hello {
    /// The name that it asked for.
    pub server_name: Option<String>,
    /// Whether it offers one of the protocols that mean MQTT.
    pub speaks_mqtt: bool,
    /// What it offers that has nothing in common with what this gateway has.
    apart: Option<String>,
}

/// What a client speaks instead of TLS.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct NotTls {
    what: &'static str,
    help: &'static str,
}

/// Something to tell: a line, and what stands below it.
pub(crate) type Told = (String, Vec<String>);

fn told(text: impl Into<String>, why: Option<&str>, help: impl AsRef<str>) -> Told {
    let help = Some(help.as_ref()).filter(|help| !help.is_empty()).map(|help| format!("{HELP}{help}"));
    (text.into(), why.map(str::to_owned).into_iter().chain(help).collect())
}

impl Hello {
    /// What a client says, held against what the listener has.
    pub(crate) fn read(said: &ClientHello<'_>, config: &ServerConfig, speaks_mqtt: bool) -> Self {
        let ours = &config.crypto_provider().cipher_suites;
        let offered = said.cipher_suites();
        let alpn = &config.alpn_protocols;
        let suites = offered.iter().any(|suite| ours.iter().any(|own| own.suite() == *suite));
        let protocols =
            alpn.is_empty() || said.alpn().is_none_or(|mut all| all.any(|one| alpn.iter().any(|own| own == one)));
        let apart = if !suites {
            let own = list(ours.iter().map(|own| suite(own.suite())));
            let offered = list(offered.iter().map(|one| suite(*one)));
            Some(format!("it offers the cipher suites {offered}; the gateway has {own}"))
        } else if !protocols {
            let shown = |one: &[u8]| String::from_utf8_lossy(one).into_owned();
            let offered = said.alpn().into_iter().flatten().map(shown);
            Some(format!(
                "by ALPN it asks for {}; the port has {}",
                list(offered),
                list(alpn.iter().map(|one| shown(one)))
            ))
        } else {
            None
        };
        Self { server_name: said.server_name().map(str::to_owned), speaks_mqtt, apart }
    }
}

/// The name of a cipher suite, older ones too, which the library does not have (IANA's "TLS Cipher Suites").
fn suite(suite: CipherSuite) -> String {
    let name = match u16::from(suite) {
        0x000a => "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        0x002f => "TLS_RSA_WITH_AES_128_CBC_SHA",
        0x0035 => "TLS_RSA_WITH_AES_256_CBC_SHA",
        0x003c => "TLS_RSA_WITH_AES_128_CBC_SHA256",
        0x003d => "TLS_RSA_WITH_AES_256_CBC_SHA256",
        0x009c => "TLS_RSA_WITH_AES_128_GCM_SHA256",
        0x009d => "TLS_RSA_WITH_AES_256_GCM_SHA384",
        0xc009 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        0xc00a => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        0xc013 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        0xc014 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        0xc023 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        0xc024 => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
        0xc027 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        0xc028 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        0xc0ac => "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
        0xc0ae => "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
        _ => return format!("{suite:?}"),
    };
    name.to_owned()
}

fn list(all: impl IntoIterator<Item = impl Debug>) -> String {
    let mut all = all.into_iter().map(|one| format!("{one:?}").trim_matches('"').to_owned());
    let shown: Vec<String> = all.by_ref().take(MOST_SHOWN).collect();
    match (shown.as_slice(), all.count()) {
        ([], _) => "nothing".to_owned(),
        (shown, 0) => shown.join(", "),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What the first byte on a port of TLS says, where it is not that of a handshake.
pub(crate) fn not_tls(first: u8) -> Option<NotTls> {
    let (what, help) = match first {
        0x16 => return None,
        0x10 => (
            "the client speaks MQTT without TLS on a port of TLS",
            "switch TLS on in the client (`--cafile` of mosquitto_pub); --plain-port opens a port without TLS, for tests",
        ),
        b'A'..=b'Z' => {
            ("the client speaks HTTP without TLS on a port of TLS", "call it with https://, or call the API port")
        }
        _ => ("the first byte is not one of TLS", "switch TLS on in the client"),
    };
    Some(NotTls { what, help })
}

/// What the first byte on the port of the API says, where it is not that of an HTTP request.
pub(crate) fn not_http(first: u8, ports: &str) -> Option<Told> {
    let what = match first {
        0x16 => "the client speaks TLS on the port of the API, which is plain HTTP",
        0x10 => "the client speaks MQTT on the port of the API, which is HTTP",
        _ => return None,
    };
    let help = if first == 0x16 {
        format!("call the API with http://; devices use {ports}")
    } else {
        format!("devices use {ports}")
    };
    Some(told(format!("connection closed: {what}"), None, help))
}

/// A handshake that goes no further since the client was sent our certificate. `root` is the file to trust.
pub(crate) fn stalled(seconds: u64, root: &str) -> Told {
    told(
        format!("TLS handshake stalls: no answer to the gateway's certificate for {seconds} s"),
        Some("AWS's SDKs do so when they do not trust it"),
        trust(root),
    )
}

/// A client that opened a connection and said nothing.
pub(crate) fn silent(seconds: u64) -> Told {
    told(
        format!("connection closed: the client said nothing for {seconds} s"),
        None,
        "switch TLS on in the client: it speaks first",
    )
}

fn trust(root: &str) -> String {
    format!("give the client {root} as its CA certificate (`--cafile` of mosquitto_pub, `ca_filepath` of the SDKs)")
}

/// A handshake that failed. `hello` is what the client said, if it came that far; `root` is the file to trust.
pub(crate) fn failed(error: &io::Error, hello: Option<&Hello>, root: &str) -> Told {
    let inner = error.get_ref();
    if let Some(other) = inner.and_then(|inner| inner.downcast_ref::<NotTls>()) {
        return told(format!("connection closed: {other}"), None, other.help);
    }
    let Some(error) = inner.and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match hello {
            Some(_) => told(
                "TLS handshake failed: the client hung up when it was sent the gateway's certificate",
                Some("most do so when they do not trust it"),
                trust(root),
            ),
            None => told(format!("connection closed before a TLS handshake began: {error}"), None, ""),
        };
    };
    let asked = hello.and_then(|hello| hello.server_name.as_deref());
    match error {
        Error::AlertReceived(alert) => alerted(*alert, asked, root),
        Error::NoCertificatesPresented => told(
            "TLS handshake refused: the client showed no certificate",
            None,
            "give it its certificate and key (`--cert` and `--key` of mosquitto_pub); the file may be empty or the key of another",
        ),
        Error::InvalidCertificate(CertificateError::BadSignature) => told(
            "TLS handshake refused: the client's key does not belong to its certificate",
            None,
            "give it the key that the certificate was made with: `drydock doctor --certificate FILE --key FILE` compares them",
        ),
        Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => told(
            "TLS handshake refused: the client offers neither TLS 1.2 nor TLS 1.3",
            None,
            "switch one of them on in the client's TLS library",
        ),
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => told(
            format!("TLS handshake refused: {error}"),
            hello.and_then(|hello| hello.apart.as_deref()),
            match error {
                Error::NoApplicationProtocol => {
                    "use x-amzn-mqtt-ca with a certificate, mqtt with a custom authorizer, or none"
                }
                _ => "switch one of the gateway's on in the client's TLS library",
            },
        ),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            told("TLS handshake failed: what came is not TLS", None, "switch TLS on in the client")
        }
        other => told(format!("TLS handshake failed: {other}"), None, ""),
    }
}

/// The client ended the handshake, and said why.
fn alerted(alert: AlertDescription, asked: Option<&str>, root: &str) -> Told {
    let text = |why: &str| format!("TLS handshake failed: the client {why} (alert {alert:?})");
    match alert {
        AlertDescription::UnknownCA => told(text("does not trust the gateway's certificate"), None, trust(root)),
        AlertDescription::BadCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => {
            let called = asked.map_or_else(
                || "it named no server (SNI)".to_owned(),
                |name| format!("it called the gateway `{name}`"),
            );
            told(
                text("refuses the gateway's certificate"),
                Some(&format!("a device whose clock stands in 1970 finds it not valid yet; {called}")),
                format!("set the device's clock before it connects, and {}", trust(root)),
            )
        }
        _ => told(text("ended it"), None, ""),
    }
}

/// Whether an error of a handshake says no more than that the client went.
pub(crate) fn is_hang_up(error: &io::Error) -> bool {
    !error.get_ref().is_some_and(|inner| inner.is::<Error>() || inner.is::<NotTls>())
}
