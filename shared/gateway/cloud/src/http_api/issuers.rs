//! Where the keys of issuers are, as `[issuers]` of `drydock.toml` says: in a file, or at a URL of this machine. Nothing is asked that
//! is elsewhere.

use http::Uri;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A JWKS in a file.
    File(PathBuf),
    /// A JWKS at a URL on this machine.
    Url(Uri),
}

impl Source {
    /// Reads a file name or an `http` URL of this machine.
    ///
    /// # Errors
    /// Why a URL is not one that is asked.
    pub fn read(text: &str) -> Result<Self, String> {
        if !text.contains("://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let uri: Uri = text.parse().map_err(|_| format!("`{text}` is not a URL"))?;
        match is_here(&uri) {
            true => Ok(Self::Url(uri)),
            false => {
                Err(format!("`{text}` is not an `http` URL of this machine: save its keys to a file, and name that"))
            }
        }
    }
}

/// Where keys are, by issuer.
pub type Issuers = BTreeMap<String, Source>;

/// Whether an address is one of this machine.
pub(super) fn is_here(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    uri.scheme_str() == Some("http") && (loopback || host == "localhost")
}

/// Whether anything is known of where the keys of an issuer are.
pub(super) fn is_known(issuers: &Issuers, issuer: &str) -> bool {
    issuers.contains_key(issuer) || issuer.parse::<Uri>().is_ok_and(|uri| is_here(&uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_elsewhere_is_asked() {
        assert_eq!(Source::read("keys/jwks.json"), Ok(Source::File("keys/jwks.json".into())));
        assert!(Source::read("http://127.0.0.1:9/jwks").is_ok() && Source::read("http://localhost:9/jwks").is_ok());
        for elsewhere in ["https://127.0.0.1/jwks", "http://issuer.example/jwks", "http://169.254.169.254/", "x://y"] {
            assert!(Source::read(elsewhere).is_err(), "{elsewhere}");
        }
    }
}
