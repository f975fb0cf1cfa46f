//! JSON Web Tokens, and what they have to say ("Controlling access to HTTP APIs with JWT authorizers"): signed by a key of the issuer
//! with RSA, of that issuer, for that audience, and neither too early nor too late.

use super::definition::JwtConfiguration;
use super::keys::Key;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use drydock_core::Timestamp;
use serde_json::{Map, Value};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 8192;

/// A token that was read, and not checked yet.
#[derive(Debug)]
pub(super) struct Token {
    algorithm: String,
    /// The key that it says has signed it.
    pub(super) kid: String,
    /// What it says.
    pub(super) claims: Map<String, Value>,
    signed: String,
    signature: Vec<u8>,
}

impl Token {
    /// Reads a token, with or without `Bearer ` before it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let text = match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => text,
        };
        if text.len() > LONGEST {
            return Err(format!("the token has {} bytes: at most {LONGEST} are looked at", text.len()));
        }
        let malformed = || "the token is malformed".to_owned();
        let object = |part: &str| -> Result<Map<String, Value>, String> {
            let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed())?;
            serde_json::from_slice(&bytes).map_err(|_| malformed())
        };
        let (signed, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (head, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let (mut head, claims) = (object(head)?, object(claims)?);
        if head.contains_key("crit") {
            return Err("the token asks for extensions, of which none is known".to_owned());
        }
        let mut text = |name: &str| match head.remove(name) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(format!("the token's header has no `{name}`")),
        };
        Ok(Self {
            algorithm: text("alg")?,
            kid: text("kid")?,
            claims,
            signed: signed.to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?,
        })
    }

    /// Checks the signature. It takes a while, and may not be done where sockets are served.
    pub(super) fn verify(&self, key: &Key) -> Result<(), String> {
        let parameters = match self.algorithm.as_str() {
            "RS256" => &RSA_PKCS1_2048_8192_SHA256,
            "RS384" => &RSA_PKCS1_2048_8192_SHA384,
            "RS512" => &RSA_PKCS1_2048_8192_SHA512,
            other => {
                return Err(format!("the token is signed with `{other:.20}`: only RS256, RS384 and RS512 are taken"));
            }
        };
        let key = RsaPublicKeyComponents { n: &key.modulus, e: &key.exponent };
        key.verify(parameters, self.signed.as_bytes(), &self.signature)
            .map_err(|_| "the token's signature was not made by the issuer's key".to_owned())
    }

    /// Checks what the token says.
    pub(super) fn check(&self, wanted: &JwtConfiguration, now: Timestamp) -> Result<(), String> {
        let text = |name: &str| self.claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(wanted.issuer.as_str()) {
            return Err("the token has an invalid issuer".to_owned());
        }
        let meant = match self.claims.get("aud") {
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one.as_str()],
            Some(_) => Vec::new(),
            // Access tokens of Amazon Cognito have this instead.
            None => text("client_id").into_iter().collect(),
        };
        if !meant.iter().any(|one| wanted.audience.iter().any(|audience| audience == one)) {
            return Err("the token has an invalid audience".to_owned());
        }
        let time = |name: &str| self.claims.get(name).map(|time| time.as_f64().ok_or(name.to_owned())).transpose();
        let not_a_time = |name: String| format!("the token's `{name}` is not a time");
        let now = now.seconds_f64();
        match time("exp").map_err(not_a_time)? {
            Some(expires) if expires > now => {}
            Some(_) => return Err("the token has expired".to_owned()),
            None => return Err("the token has no `exp`".to_owned()),
        }
        for name in ["nbf", "iat"] {
            if time(name).map_err(not_a_time)?.is_some_and(|begins| begins > now) {
                return Err("the token is not valid yet".to_owned());
            }
        }
        Ok(())
    }

    /// The scopes that it has, from `scope` or `scp`.
    pub(super) fn scopes(&self) -> Vec<String> {
        match self.claims.get("scope").or_else(|| self.claims.get("scp")) {
            Some(Value::String(words)) => words.split_ascii_whitespace().map(str::to_owned).collect(),
            Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// The claims as functions get them: all of them texts.
    pub(super) fn shown(&self) -> Map<String, Value> {
        self.claims.iter().map(|(name, value)| (name.clone(), Value::String(shown(value)))).collect()
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn token(claims: &Value) -> Result<Token, String> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        Token::read(&format!("Bearer {}.{}.AA", part(&json!({ "alg": "RS256", "kid": "k" })), part(claims)))
    }

    #[test]
    fn what_a_token_has_to_say() {
        let wanted = JwtConfiguration { audience: vec!["app".to_owned()], issuer: "https://issuer".to_owned() };
        let good = json!({ "iss": "https://issuer", "aud": ["x", "app"], "exp": 1001, "nbf": 1000, "scope": "a b" });
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            token(&claims).unwrap().check(&wanted, Timestamp(1_000_000))
        };
        let read = token(&good).unwrap();
        assert_eq!(read.check(&wanted, Timestamp(1_000_000)), Ok(()));
        assert_eq!(read.scopes(), ["a", "b"]);
        assert_eq!(read.shown()["aud"], "[x app]");
        assert_eq!(read.shown()["exp"], "1001");
        for (name, value, why) in [
            ("iss", json!("https://issuer/"), "issuer"),
            ("aud", json!("other"), "audience"),
            ("exp", json!(1000), "expired"),
            ("exp", json!("never"), "not a time"),
            ("nbf", json!(1001), "not valid yet"),
        ] {
            assert!(with(name, value.clone()).unwrap_err().contains(why), "{name} {value}");
        }
        assert_eq!(with("aud", Value::Null).unwrap_err(), "the token has an invalid audience");
        let mut of_cognito = good.clone();
        of_cognito["client_id"] = json!("app");
        of_cognito["aud"] = json!(5);
        assert!(
            token(&of_cognito).unwrap().check(&wanted, Timestamp(1_000_000)).is_err(),
            "`client_id` is only looked at without `aud`"
        );
        of_cognito.as_object_mut().unwrap().remove("aud");
        assert_eq!(token(&of_cognito).unwrap().check(&wanted, Timestamp(1_000_000)), Ok(()));
        for text in ["", "a.b", "a.b.c", "Bearer", "Bearer e30.e30.AA"] {
            assert!(Token::read(text).is_err(), "{text}");
        }
    }
}
