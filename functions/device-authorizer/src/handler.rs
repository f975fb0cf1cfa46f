//! One device, from its token to what it may do.
//!
//! AWS IoT waits five seconds at the most, and asks anew for each HTTPS request: there are two reads of tables at the most, of
//! which that of the key is remembered.

use fleet::authorization::{Asked, Denial, Grant, Rules, Token, block_list_entries, check, grant};
use fleet::ports::{FindBlocked, FindDevice, FindKey, PortResult, UpdateItem};
use fleet::registration::joined_record;
use iot_events::{AuthorizerRequest, AuthorizerResponse};

/// What authorization needs of the outside.
pub(crate) struct Ports<'a, K, B> {
    /// The fleet's keys.
    pub(crate) keys: &'a K,
    /// What may never join.
    pub(crate) block_list: &'a B,
}

/// What becomes of a device.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It is who it claims to be.
    Granted(Grant),
    /// It is turned away.
    Denied(Denial),
}

/// Decides on the device of the event.
///
/// # Errors
/// [`fleet::ports::PortError`] if a table could not be asked, or holds a key that is none.
pub(crate) async fn authorize<K, B>(
    ports: &Ports<'_, K, B>,
    rules: &Rules,
    event: &AuthorizerRequest,
    now: i64,
) -> PortResult<Verdict>
where
    K: FindKey,
    B: FindBlocked,
{
    let asked = asked(event);
    let Some(text) = token(event) else { return Ok(Verdict::Denied(Denial::NoToken)) };
    let token = match Token::read(text) {
        Ok(token) => token,
        Err(error) => return Ok(Verdict::Denied(error.into())),
    };
    let key = ports.keys.find_key(&token.kid).await?;
    let claims = match check(&token, key.as_ref(), &asked, rules, now) {
        Ok(claims) => claims,
        Err(denial) => return Ok(Verdict::Denied(denial)),
    };
    for entry in block_list_entries(claims) {
        if let Some(why) = ports.block_list.find_blocked(&entry).await? {
            return Ok(Verdict::Denied(Denial::Blocked { entry, why }));
        }
    }
    Ok(Verdict::Granted(grant(claims, &asked, rules, now)))
}

/// Writes down a device that is let in for the first time: its presence and its readings ask for the row. One that cannot be
/// written down is let in all the same, and is written down when it is asked for next.
///
/// # Errors
/// [`fleet::ports::PortError`] if the table could not be asked.
pub(crate) async fn write_down<D: FindDevice + UpdateItem>(devices: &D, grant: &Grant, now: i64) -> PortResult<()> {
    if devices.find_device(&grant.thing_name).await?.is_none() {
        devices.update_item(&joined_record(&grant.thing_name, "token", &[], now)).await?;
    }
    Ok(())
}

/// The grant as AWS IoT wants it.
pub(crate) fn response(grant: Grant) -> AuthorizerResponse {
    AuthorizerResponse {
        is_authenticated: true,
        principal_id: Some(grant.principal_id),
        policy_documents: grant.policies,
        disconnect_after_in_seconds: Some(grant.disconnect_after_seconds),
        refresh_after_in_seconds: Some(grant.refresh_after_seconds),
    }
}

fn asked(event: &AuthorizerRequest) -> Asked<'_> {
    let data = &event.protocol_data;
    Asked {
        client_id: data.mqtt.as_ref().and_then(|mqtt| mqtt.client_id.as_deref()),
        certificate_id: data.tls.as_ref().and_then(|tls| tls.principal_id.as_deref()),
        stays: data.mqtt.is_some(),
    }
}

/// The token: where the authorizer has a name for it, AWS IoT has found it; else it is a bearer token, or the password.
fn token(event: &AuthorizerRequest) -> Option<&str> {
    let bearer = || {
        let header = event.protocol_data.http.as_ref()?.header("authorization")?;
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    };
    let password = || std::str::from_utf8(event.protocol_data.mqtt.as_ref()?.password.as_deref()?).ok();
    let found = event.token.as_deref().filter(|token| !token.is_empty());
    found.or_else(bearer).or_else(password).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
