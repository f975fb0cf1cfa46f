//! How large the properties of a message may be.

use crate::limits::Limits;
use crate::message::Properties;
use crate::packet::fields::user_bytes;
use crate::packet::reason;

/// The sizes of a message's properties. An error is the reason code, and what is too large.
pub(crate) fn check(properties: &Properties, limits: &Limits) -> Result<(), (u8, String)> {
    let content_type = properties.content_type.as_ref().map_or(0, |v| v.len());
    let correlation = properties.correlation_data.as_ref().map_or(0, bytes::Bytes::len);
    for (what, bytes, most) in [
        ("its Content Type has", content_type, limits.content_type_bytes),
        ("its Correlation Data has", correlation, limits.correlation_data_bytes),
        ("its User Properties together have", user_bytes(&properties.user), limits.user_properties_bytes),
    ] {
        if bytes as u64 > most {
            return Err((reason::QUOTA_EXCEEDED, format!("{what} {bytes} bytes; the limit is {most}")));
        }
    }
    Ok(())
}
