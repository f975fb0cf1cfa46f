//! What a device asks of a stream: "DescribeStream" and "GetStream" over MQTT, in JSON or CBOR, and how it is refused.
//!
//! Source: "Using AWS IoT MQTT-based file delivery in devices" of the developer guide.

use ciborium::Value as Cbor;
pub use drydock_model::payload::Format;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The longest client token, in bytes.
const LONGEST_TOKEN: usize = 64;
/// The most bytes of a bitmap: a bit for each block of the largest file in the smallest blocks.
const LARGEST_BITMAP: usize = 12_288;

/// Why a request is refused: "Handling errors from AWS IoT MQTT-based file delivery".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The topic does not name a thing, a stream and a format.
    InvalidTopic,
    /// The payload is not JSON.
    InvalidJson,
    /// The payload is not CBOR.
    InvalidCbor,
    /// It is malformed otherwise.
    InvalidRequest,
    /// The stream's role may not read the file.
    Unauthorized,
    /// The block size is out of its bounds.
    BlockSizeOutOfBounds,
    /// The offset is out of its bounds.
    OffsetOutOfBounds,
    /// More blocks are asked for than there can be.
    BlockCountLimitExceeded,
    /// The bitmap is larger than it may be.
    BlockBitmapLimitExceeded,
    /// There is no such stream, file, version or block.
    ResourceNotFound,
    /// The stream has another version.
    VersionMismatch,
    /// The object is not the one that was there when the stream was made.
    ETagMismatch,
    /// The gateway failed.
    InternalError,
    /// Too much is asked at a time.
    Throttled,
}

impl Refusal {
    /// The code that the device is told.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidTopic => "InvalidTopic",
            Self::InvalidJson => "InvalidJson",
            Self::InvalidCbor => "InvalidCbor",
            Self::InvalidRequest => "InvalidRequest",
            Self::Unauthorized => "Unauthorized",
            Self::BlockSizeOutOfBounds => "BlockSizeOutOfBounds",
            Self::OffsetOutOfBounds => "OffsetOutOfBounds",
            Self::BlockCountLimitExceeded => "BlockCountLimitExceeded",
            Self::BlockBitmapLimitExceeded => "BlockBitmapLimitExceeded",
            Self::ResourceNotFound => "ResourceNotFound",
            Self::VersionMismatch => "VersionMismatch",
            Self::ETagMismatch => "ETagMismatch",
            Self::InternalError => "InternalError",
            // Not on AWS's list: the name that its other device APIs have for it.
            Self::Throttled => "RequestThrottled",
        }
    }
}

/// A request that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, as a code.
    pub refusal: Refusal,
    /// Why, for people.
    pub message: String,
}

impl Refused {
    /// A refusal with its message.
    #[must_use]
    pub fn new(refusal: Refusal, message: impl Into<String>) -> Self {
        Self { refusal, message: message.into() }
    }
}

/// A member of a payload.
#[derive(Debug, Clone, PartialEq)]
enum Member {
    Number(i128),
    Text(String),
    Bytes(Vec<u8>),
    Other,
}

/// The payload of a request, read as an object. An empty one is one without members.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Payload(BTreeMap<String, Member>);

/// What "GetStream" asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    /// The version that the stream is to have.
    pub version: Option<i128>,
    /// The file.
    pub file: i128,
    /// The size of a block, in bytes.
    pub size: i128,
    /// The first block.
    pub offset: i128,
    /// How many blocks, at most.
    pub count: Option<i128>,
    /// Which blocks from the first on: bit by bit, each byte's lowest first.
    pub bitmap: Option<Vec<u8>>,
}

impl Payload {
    /// Reads a payload.
    ///
    /// # Errors
    /// `InvalidJson` and `InvalidCbor`; `InvalidRequest` for another value than an object.
    pub fn read(format: Format, bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        match format {
            Format::Json => of_json(bytes),
            Format::Cbor => of_cbor(bytes),
        }
    }

    /// The client token, which is answered as it came.
    ///
    /// # Errors
    /// `InvalidRequest` for one that is not a text of up to 64 bytes.
    pub fn client_token(&self) -> Result<Option<String>, Refused> {
        match self.0.get("c") {
            None => Ok(None),
            Some(Member::Text(token)) if token.len() <= LONGEST_TOKEN => Ok(Some(token.clone())),
            Some(_) => Err(invalid(format!("c must be a text of at most {LONGEST_TOKEN} bytes"))),
        }
    }

    /// What "GetStream" asks for; what is out of bounds is refused where the stream is known.
    ///
    /// # Errors
    /// `InvalidRequest`; `BlockBitmapLimitExceeded`.
    pub fn get(&self) -> Result<Get, Refused> {
        let needed = |name: &str| self.number(name)?.ok_or_else(|| invalid(format!("{name} is missing")));
        Ok(Get {
            version: self.number("s")?,
            file: needed("f")?,
            size: needed("l")?,
            offset: self.number("o")?.unwrap_or_default(),
            count: self.number("n")?,
            bitmap: self.bitmap()?,
        })
    }

    fn number(&self, name: &str) -> Result<Option<i128>, Refused> {
        let wrong = || invalid(format!("{name} must be a whole number"));
        match self.0.get(name) {
            None => Ok(None),
            Some(Member::Number(number)) => Ok(Some(*number)),
            // Devices that write numbers as texts are understood by AWS.
            Some(Member::Text(text)) => text.parse().map(Some).map_err(|_| wrong()),
            Some(Member::Bytes(_) | Member::Other) => Err(wrong()),
        }
    }

    fn bitmap(&self) -> Result<Option<Vec<u8>>, Refused> {
        let bytes = match self.0.get("b") {
            None => return Ok(None),
            // As FreeRTOS agents send it in CBOR.
            Some(Member::Bytes(bytes)) => bytes.clone(),
            Some(Member::Text(text)) => {
                let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
                if digits.len() > 2 * LARGEST_BITMAP {
                    return Err(too_large());
                }
                of_hex(digits).ok_or_else(|| invalid("b must be bytes in hexadecimal"))?
            }
            Some(Member::Number(_) | Member::Other) => return Err(invalid("b must be bytes in hexadecimal")),
        };
        if bytes.len() > LARGEST_BITMAP { Err(too_large()) } else { Ok(Some(bytes)) }
    }
}

fn too_large() -> Refused {
    let why = format!("the block bitmap has more than {LARGEST_BITMAP} bytes");
    Refused::new(Refusal::BlockBitmapLimitExceeded, why)
}

fn invalid(why: impl Into<String>) -> Refused {
    Refused::new(Refusal::InvalidRequest, why)
}

fn of_hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}

fn of_json(bytes: &[u8]) -> Result<Payload, Refused> {
    let members = match serde_json::from_slice(bytes) {
        Ok(Json::Object(members)) => members,
        Ok(_) => return Err(invalid("the payload must be an object")),
        Err(error) => {
            return Err(Refused::new(Refusal::InvalidJson, format!("the payload is not valid JSON: {error}")));
        }
    };
    let member = |value: Json| match value {
        Json::Number(number) => number.as_i128().map_or(Member::Other, Member::Number),
        Json::String(text) => Member::Text(text),
        _ => Member::Other,
    };
    let given = members.into_iter().filter(|(_, value)| !value.is_null());
    Ok(Payload(given.map(|(name, value)| (name, member(value))).collect()))
}

fn of_cbor(bytes: &[u8]) -> Result<Payload, Refused> {
    let malformed = |why: String| Refused::new(Refusal::InvalidCbor, format!("the payload is not valid CBOR: {why}"));
    let mut rest = bytes;
    let value: Cbor = ciborium::from_reader(&mut rest).map_err(|error| malformed(error.to_string()))?;
    if !rest.is_empty() {
        return Err(malformed(format!("{} bytes follow the value", rest.len())));
    }
    let Cbor::Map(members) = value else { return Err(invalid("the payload must be a map")) };
    let member = |value: Cbor| match value {
        Cbor::Integer(number) => Member::Number(number.into()),
        Cbor::Text(text) => Member::Text(text),
        Cbor::Bytes(bytes) => Member::Bytes(bytes),
        _ => Member::Other,
    };
    let mut read = BTreeMap::new();
    for (name, value) in members {
        match name {
            Cbor::Text(name) if value.is_null() => drop(name),
            Cbor::Text(name) => {
                read.insert(name, member(value));
            }
            _ => return Err(invalid("the names of the payload must be texts")),
        }
    }
    Ok(Payload(read))
}
