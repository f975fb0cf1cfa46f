//! What devices report: "Device metrics document specification" of the guide, in JSON and CBOR, with long and with short names.
//!
//! Whoever may publish writes these: all of it is checked, and lists are bounded.

use crate::value::MetricValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The most elements of a list.
pub const ELEMENTS: usize = 1000;
/// The most custom metrics of a report: as many as an account has.
pub const CUSTOM: usize = 100;
/// The most characters of a text in a list of a custom metric.
const TEXT: usize = 256;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// CBOR.
    Cbor,
}

/// A report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Its id: the device's own.
    pub id: i64,
    /// What was measured, by AWS's name for the metric.
    pub metrics: BTreeMap<&'static str, MetricValue>,
    /// What was measured of custom metrics, by their names.
    pub custom: BTreeMap<String, MetricValue>,
}

/// A report that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Its id, where that could be read.
    pub id: Option<i64>,
    /// What is wrong with it.
    pub why: String,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(format: Format, payload: &[u8]) -> Result<Self, Malformed> {
        let nameless = |why: String| Malformed { id: None, why };
        let document = decode(format, payload).map_err(nameless)?;
        let Value::Object(document) = document else {
            return Err(nameless("a report is an object".to_owned()));
        };
        let id = id(&document);
        read(&document).map_err(|why| Malformed { id, why })
    }
}

fn decode(format: Format, payload: &[u8]) -> Result<Value, String> {
    match format {
        Format::Json => serde_json::from_slice(payload).map_err(|error| format!("not JSON: {error}")),
        Format::Cbor => {
            let mut rest = payload;
            let value =
                ciborium::from_reader(&mut rest).map_err(|error| format!("not CBOR of texts and numbers: {error}"))?;
            if rest.is_empty() { Ok(value) } else { Err("something follows the CBOR".to_owned()) }
        }
    }
}

/// A member by its long or its short name.
fn member<'v>(of: &'v Map<String, Value>, (long, short): (&str, &str)) -> Result<Option<&'v Value>, String> {
    match (of.get(long), of.get(short)) {
        (Some(_), Some(_)) if long != short => Err(format!("`{long}` is there twice, as `{short}`, too")),
        (long, short) => Ok(long.or(short).filter(|value| !value.is_null())),
    }
}

fn object<'v>(value: &'v Value, name: &str) -> Result<&'v Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("`{name}` should be an object"))
}

fn list<'v>(value: &'v Value, name: &str) -> Result<&'v [Value], String> {
    match value.as_array() {
        Some(list) if list.len() <= ELEMENTS => Ok(list),
        Some(list) => Err(format!("`{name}` has {} elements: at most {ELEMENTS} are taken", list.len())),
        None => Err(format!("`{name}` should be a list")),
    }
}

fn count(value: &Value, name: &str) -> Result<i64, String> {
    value.as_i64().filter(|count| *count >= 0).ok_or_else(|| format!("`{name}` should be a number from 0 on"))
}

/// Refuses members that have no meaning: a device's typing error would be lost otherwise.
fn only(of: &Map<String, Value>, names: &[(&str, &str)], within: &str) -> Result<(), String> {
    let known = |name: &&String| names.iter().any(|(long, short)| name == long || name == short);
    match of.keys().find(|name| !known(name)) {
        Some(name) => Err(format!("`{name:.64}` is not a member of {within}")),
        None => Ok(()),
    }
}

const HEADER: (&str, &str) = ("header", "hed");
const METRICS: (&str, &str) = ("metrics", "met");
const CUSTOM_METRICS: (&str, &str) = ("custom_metrics", "cmet");
const REPORT_ID: (&str, &str) = ("report_id", "rid");
const TOTAL: (&str, &str) = ("total", "t");

fn id(document: &Map<String, Value>) -> Option<i64> {
    let header = member(document, HEADER).ok()??.as_object()?;
    member(header, REPORT_ID).ok()??.as_i64()
}

fn read(document: &Map<String, Value>) -> Result<Report, String> {
    only(document, &[HEADER, METRICS, CUSTOM_METRICS], "a report")?;
    let header = object(member(document, HEADER)?.ok_or("`header` is missing")?, "header")?;
    let id = member(header, REPORT_ID)?.and_then(Value::as_i64).ok_or("`report_id` should be an integer")?;
    let version = member(header, ("version", "v"))?.and_then(Value::as_str).ok_or("`version` should be a text")?;
    if version != "1.0" {
        return Err(format!("version `{version:.16}` is not known: it is `1.0`"));
    }
    let mut report = Report { id, metrics: BTreeMap::new(), custom: BTreeMap::new() };
    let own = member(document, METRICS)?;
    let custom = member(document, CUSTOM_METRICS)?;
    if own.is_none() && custom.is_none() {
        return Err("one of `metrics` and `custom_metrics` is needed".to_owned());
    }
    if let Some(own) = own {
        read_metrics(object(own, "metrics")?, &mut report.metrics)?;
    }
    if let Some(custom) = custom {
        let custom = object(custom, "custom_metrics")?;
        if custom.len() > CUSTOM {
            return Err(format!("`custom_metrics` has {} metrics: at most {CUSTOM} are taken", custom.len()));
        }
        for (name, values) in custom {
            report.custom.insert(name.clone(), read_custom(name, values)?);
        }
    }
    Ok(report)
}

fn read_metrics(of: &Map<String, Value>, into: &mut BTreeMap<&'static str, MetricValue>) -> Result<(), String> {
    const TCP: (&str, &str) = ("listening_tcp_ports", "tp");
    const UDP: (&str, &str) = ("listening_udp_ports", "up");
    const NETWORK: (&str, &str) = ("network_stats", "ns");
    const CONNECTIONS: (&str, &str) = ("tcp_connections", "tc");
    only(of, &[TCP, UDP, NETWORK, CONNECTIONS], "`metrics`")?;
    for (block, ports, total) in [
        (TCP, "aws:listening-tcp-ports", "aws:num-listening-tcp-ports"),
        (UDP, "aws:listening-udp-ports", "aws:num-listening-udp-ports"),
    ] {
        if let Some(value) = member(of, block)? {
            read_ports(object(value, block.0)?, (ports, total), into)?;
        }
    }
    if let Some(value) = member(of, NETWORK)? {
        let stats = object(value, NETWORK.0)?;
        let names = [
            (("bytes_in", "bi"), "aws:all-bytes-in"),
            (("bytes_out", "bo"), "aws:all-bytes-out"),
            (("packets_in", "pi"), "aws:all-packets-in"),
            (("packets_out", "po"), "aws:all-packets-out"),
        ];
        only(stats, &names.map(|(name, _)| name), "`network_stats`")?;
        for (name, metric) in names {
            if let Some(value) = member(stats, name)? {
                into.insert(metric, MetricValue::count(count(value, name.0)?));
            }
        }
    }
    if let Some(value) = member(of, CONNECTIONS)? {
        const ESTABLISHED: (&str, &str) = ("established_connections", "ec");
        let connections = object(value, CONNECTIONS.0)?;
        only(connections, &[ESTABLISHED], "`tcp_connections`")?;
        if let Some(value) = member(connections, ESTABLISHED)? {
            read_connections(object(value, ESTABLISHED.0)?, into)?;
        }
    }
    Ok(())
}

fn read_ports(
    of: &Map<String, Value>,
    (ports, total): (&'static str, &'static str),
    into: &mut BTreeMap<&'static str, MetricValue>,
) -> Result<(), String> {
    const PORTS: (&str, &str) = ("ports", "pts");
    const PORT: (&str, &str) = ("port", "pt");
    const INTERFACE: (&str, &str) = ("interface", "if");
    only(of, &[PORTS, TOTAL], "a block of ports")?;
    if let Some(value) = member(of, PORTS)? {
        let read = |entry: &Value| {
            let entry = object(entry, "ports")?;
            only(entry, &[PORT, INTERFACE], "a port")?;
            text(entry, INTERFACE)?;
            let port = member(entry, PORT)?.map(|port| port_number(port, "port")).transpose()?;
            port.ok_or_else(|| "`port` is missing".to_owned())
        };
        let mut found = list(value, "ports")?.iter().map(read).collect::<Result<Vec<_>, String>>()?;
        // A port on several interfaces is one port.
        found.sort_unstable();
        found.dedup();
        into.insert(ports, MetricValue::ports(found));
    }
    if let Some(value) = member(of, TOTAL)? {
        into.insert(total, MetricValue::count(count(value, "total")?));
    }
    Ok(())
}

fn text(of: &Map<String, Value>, name: (&str, &str)) -> Result<(), String> {
    match member(of, name)? {
        Some(Value::String(_)) | None => Ok(()),
        Some(_) => Err(format!("`{}` should be a text", name.0)),
    }
}

fn port_number(value: &Value, name: &str) -> Result<i32, String> {
    let port = value.as_i64().and_then(|port| u16::try_from(port).ok()).map(i32::from);
    port.ok_or_else(|| format!("`{name}` should be a port"))
}

fn read_connections(of: &Map<String, Value>, into: &mut BTreeMap<&'static str, MetricValue>) -> Result<(), String> {
    const LIST: (&str, &str) = ("connections", "cs");
    const REMOTE: (&str, &str) = ("remote_addr", "rad");
    const LOCAL_PORT: (&str, &str) = ("local_port", "lp");
    const LOCAL_INTERFACE: (&str, &str) = ("local_interface", "li");
    only(of, &[LIST, TOTAL], "`established_connections`")?;
    if let Some(value) = member(of, LIST)? {
        let read = |entry: &Value| {
            let entry = object(entry, "connections")?;
            only(entry, &[REMOTE, LOCAL_PORT, LOCAL_INTERFACE], "a connection")?;
            text(entry, LOCAL_INTERFACE)?;
            member(entry, LOCAL_PORT)?.map(|port| port_number(port, "local_port")).transpose()?;
            let remote = member(entry, REMOTE)?.and_then(Value::as_str).and_then(remote);
            remote.ok_or_else(|| "`remote_addr` should be an address with a port".to_owned())
        };
        let mut found = list(value, "connections")?.iter().map(read).collect::<Result<Vec<_>, String>>()?;
        found.sort_unstable();
        found.dedup();
        let found = found.iter().map(IpAddr::to_string).collect();
        into.insert("aws:destination-ip-addresses", MetricValue::cidrs(found));
    }
    if let Some(value) = member(of, TOTAL)? {
        into.insert("aws:num-established-tcp-connections", MetricValue::count(count(value, "total")?));
    }
    Ok(())
}

/// The address of `192.0.2.1:443`, of `[2001:db8::1]:443`, and of `2001:db8::1:443`, as agents write those of IPv6, too.
fn remote(text: &str) -> Option<IpAddr> {
    let with_port = text.parse::<SocketAddr>().map(|remote| remote.ip()).ok();
    let bare = || {
        let (address, port) = text.rsplit_once(':')?;
        port.parse::<u16>().ok()?;
        address.parse().ok()
    };
    with_port.or_else(bare).map(|address: IpAddr| address.to_canonical())
}

/// The value of a custom metric: a list of one object with one member.
fn read_custom(name: &str, value: &Value) -> Result<MetricValue, String> {
    let form = || {
        format!(
            "custom metric `{name:.64}` should be a list of one object with one of number, number_list, string_list and ip_list"
        )
    };
    let Some([Value::Object(only)]) = value.as_array().map(Vec::as_slice) else { return Err(form()) };
    let mut members = only.iter();
    let (Some((kind, value)), None) = (members.next(), members.next()) else { return Err(form()) };
    let mut read = MetricValue::default();
    match kind.as_str() {
        "number" => read.number = Some(value.as_f64().ok_or_else(form)?),
        "number_list" => {
            let numbers = list(value, name)?.iter().map(Value::as_f64).collect::<Option<_>>();
            read.numbers = Some(numbers.ok_or_else(form)?);
        }
        "string_list" => {
            let fits = |text: &Value| text.as_str().filter(|text| text.len() <= TEXT).map(str::to_owned);
            read.strings = Some(list(value, name)?.iter().map(fits).collect::<Option<_>>().ok_or_else(form)?);
        }
        "ip_list" => {
            let address = |text: &Value| text.as_str()?.parse().ok().map(|address: IpAddr| address.to_string());
            read.cidrs = Some(list(value, name)?.iter().map(address).collect::<Option<_>>().ok_or_else(form)?);
        }
        _ => return Err(form()),
    }
    Ok(read)
}
