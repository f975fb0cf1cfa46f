//! Packets in words, for case files: `publish topic=a/b payload=hi qos=1 id=7`.

use std::collections::HashMap;

/// The words of a packet: its kind, `key=value` pairs and flags, and what is neither.
pub(crate) struct Words<'a> {
    pub(crate) kind: &'a str,
    pairs: HashMap<&'a str, &'a str>,
    pub(crate) plain: Vec<&'a str>,
}

impl<'a> Words<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let mut words = text.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let (mut pairs, mut plain) = (HashMap::new(), Vec::new());
        for word in words {
            match word.split_once('=') {
                Some((key, value)) => drop(pairs.insert(key, value)),
                None => plain.push(word),
            }
        }
        Self { kind, pairs, plain }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.pairs.get(key).copied()
    }

    pub(crate) fn has(&self, flag: &str) -> bool {
        self.plain.contains(&flag)
    }

    pub(crate) fn number(&self, key: &str, default: u64) -> u64 {
        self.get(key).map_or(default, number)
    }
}

/// Decimal, or hexadecimal behind `0x`.
pub(crate) fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    }
    .unwrap_or_else(|_| panic!("`{text}` is not a number"))
}

/// `text`, `text*count` for a repetition, `hex:…`, or `-` for nothing.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    if text == "-" {
        return Vec::new();
    }
    if let Some(digits) = text.strip_prefix("hex:") {
        return hex::decode(digits).unwrap();
    }
    match text.split_once('*') {
        Some((part, count)) if count.parse::<usize>().is_ok() => part.repeat(count.parse().unwrap()).into_bytes(),
        _ => text.as_bytes().to_vec(),
    }
}

fn string(text: &str) -> Vec<u8> {
    let data = bytes(text);
    let mut out = u16::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    out.extend(data);
    out
}

fn length(mut number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = (number & 0x7F) as u8;
        number >>= 7;
        if number == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

/// MQTT 5 properties, given as hexadecimal digits without their length.
fn properties(words: &Words<'_>, key: &str, five: bool) -> Vec<u8> {
    if !five {
        return Vec::new();
    }
    let list = hex::decode(words.get(key).unwrap_or_default()).unwrap();
    let mut out = length(list.len());
    out.extend(list);
    out
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    out.extend(length(body.len()));
    out.extend_from_slice(body);
    out
}

/// The bytes of a packet in words.
pub(crate) fn encode(text: &str, five: bool) -> Vec<u8> {
    let words = Words::new(text);
    let id = || u16::try_from(words.number("id", 1)).unwrap().to_be_bytes();
    let mut body = Vec::new();
    match words.kind {
        "hex" => hex::decode(words.plain.concat()).unwrap(),
        "connect" => connect(&words, five),
        "publish" => {
            let qos = words.number("qos", 0) as u8;
            body.extend(string(words.get("topic").unwrap_or("-")));
            if qos > 0 {
                body.extend(id());
            }
            body.extend(properties(&words, "props", five));
            body.extend(bytes(words.get("payload").unwrap_or("-")));
            packet(0x30 | (u8::from(words.has("dup")) << 3) | (qos << 1) | u8::from(words.has("retain")), &body)
        }
        "puback" => {
            body.extend(id());
            body.extend(words.get("code").map(|c| number(c) as u8));
            packet(0x40, &body)
        }
        "subscribe" | "unsubscribe" => {
            body.extend(id());
            body.extend(properties(&words, "props", five));
            for filter in &words.plain {
                match filter.rsplit_once(':').filter(|_| words.kind == "subscribe") {
                    Some((filter, options)) => {
                        body.extend(string(filter));
                        body.push(number(options) as u8);
                    }
                    None => body.extend(string(filter)),
                }
            }
            packet(if words.kind == "subscribe" { 0x82 } else { 0xA2 }, &body)
        }
        "suback" | "unsuback" => {
            body.extend(id());
            body.extend(properties(&words, "props", five));
            body.extend(words.plain.iter().map(|c| number(c) as u8));
            packet(if words.kind == "suback" { 0x90 } else { 0xB0 }, &body)
        }
        "pingreq" => vec![0xC0, 0],
        "pingresp" => vec![0xD0, 0],
        "disconnect" => {
            body.extend(words.get("code").map(|c| number(c) as u8));
            if words.get("props").is_some() {
                body.extend(properties(&words, "props", five));
            }
            packet(0xE0, &body)
        }
        other => panic!("no packet is called `{other}`"),
    }
}

fn connect(words: &Words<'_>, five: bool) -> Vec<u8> {
    let mut flags = u8::from(!words.has("keep")) << 1;
    let mut payload = string(words.get("id").unwrap_or("-"));
    if let Some(will) = words.get("will") {
        let (topic, message) = will.split_once(':').unwrap();
        flags |= 0b100 | ((words.number("willqos", 0) as u8) << 3) | (u8::from(words.has("willretain")) << 5);
        payload.extend(properties(words, "willprops", five));
        payload.extend(string(topic));
        payload.extend(string(message));
    }
    for (key, flag) in [("user", 0x80), ("pass", 0x40)] {
        if let Some(value) = words.get(key) {
            flags |= flag;
            payload.extend(string(value));
        }
    }
    let mut body = string("MQTT");
    body.push(words.number("level", if five { 5 } else { 4 }) as u8);
    body.push(words.get("flags").map_or(flags, |f| number(f) as u8));
    body.extend(u16::try_from(words.number("keepalive", 60)).unwrap().to_be_bytes());
    body.extend(properties(words, "props", five));
    body.extend(payload);
    packet(0x10, &body)
}
