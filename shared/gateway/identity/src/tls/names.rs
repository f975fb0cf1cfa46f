//! The server's certificates. A device on AWS calls its own endpoint's name; here that name may be any, mapped to this
//! machine, so a certificate for a name is signed when the name is first asked for.

use crate::issuer::{Authority, AuthorityError, KeyKind, make_key, name, serial};
use drydock_core::{Ids, Timestamp};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose};
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How many certificates for further names are kept; the one that was not asked for the longest gives way.
const MOST_NAMES: usize = 256;
/// How long a server certificate is valid. Some clients refuse those that are valid for longer than 398 days.
const VALID_DAYS: i64 = 397;

/// Answers every handshake with a certificate for the name that the client asked for, signed by the root. ECDSA on P-256 for
/// clients that take it, RSA of 2,048 bits for those that do not.
pub struct ServerNames {
    root: Authority,
    usual: Vec<String>,
    known: HashSet<String>,
    now: Timestamp,
    ids: Arc<dyn Ids>,
    ecdsa: Leaf,
    /// Made for the first client that needs it.
    rsa: OnceLock<Option<Leaf>>,
}

/// A key and the certificates for it.
struct Leaf {
    pair: KeyPair,
    signer: Arc<dyn SigningKey>,
    usual: Arc<CertifiedKey>,
    others: Mutex<Names>,
}

/// Certificates by name. Whoever reaches the port can ask for any name: so it is bounded, and forgets.
#[derive(Default)]
struct Names {
    known: HashMap<String, (Arc<CertifiedKey>, u64)>,
    /// Counts what was asked for: the order of use.
    asked: u64,
}

impl Names {
    fn get(&mut self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.asked += 1;
        let (found, last) = self.known.get_mut(name)?;
        *last = self.asked;
        Some(Arc::clone(found))
    }

    fn put(&mut self, name: String, made: Arc<CertifiedKey>) {
        if self.known.len() >= MOST_NAMES {
            let oldest = self.known.iter().min_by_key(|(_, (_, last))| *last).map(|(name, _)| name.clone());
            oldest.and_then(|name| self.known.remove(&name));
        }
        self.known.insert(name, (made, self.asked));
    }
}

impl ServerNames {
    /// Server certificates by a root. `names` are host names and IP addresses that the one certificate for clients without a
    /// server name has besides `localhost`, `127.0.0.1` and `::1`. `now` is the real time: it is the clients' clock that judges.
    ///
    /// # Errors
    /// [`AuthorityError::Crypto`] where a name is not a host name, or the library cannot make a key.
    pub fn new(
        root: Authority,
        names: impl IntoIterator<Item = String>,
        now: Timestamp,
        ids: Arc<dyn Ids>,
    ) -> Result<Self, AuthorityError> {
        let mut usual: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        for name in names {
            if !usual.contains(&name) {
                usual.push(name);
            }
        }
        let ecdsa = Leaf::new(&root, KeyKind::EcdsaP256, &usual, now, ids.as_ref())?;
        let known = usual.iter().cloned().collect();
        Ok(Self { root, usual, known, now, ids, ecdsa, rsa: OnceLock::new() })
    }

    /// The root's certificate as PEM: what devices are to trust.
    #[must_use]
    pub fn root_pem(&self) -> String {
        self.root.certificate().pem()
    }

    fn rsa(&self) -> Option<&Leaf> {
        let made = || match Leaf::new(&self.root, KeyKind::Rsa2048, &self.usual, self.now, self.ids.as_ref()) {
            Ok(leaf) => Some(leaf),
            Err(error) => {
                tracing::error!(%error, "clients without ECDSA cannot be served");
                None
            }
        };
        self.rsa.get_or_init(made).as_ref()
    }

    fn certificate(&self, leaf: &Leaf, name: Option<&str>) -> Arc<CertifiedKey> {
        let Some(name) = name.map(str::to_ascii_lowercase).filter(|name| !self.known.contains(name)) else {
            return Arc::clone(&leaf.usual);
        };
        let others = || leaf.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = others().get(&name) {
            return found;
        }
        // Signed without the lock: handshakes with names that are known do not wait for those that are not.
        match leaf.certify(&self.root, std::slice::from_ref(&name), self.now, self.ids.as_ref()) {
            Ok(made) => {
                others().put(name, Arc::clone(&made));
                made
            }
            Err(error) => {
                tracing::warn!(%error, name, "no server certificate can be made for this name");
                Arc::clone(&leaf.usual)
            }
        }
    }
}

impl Leaf {
    fn new(
        root: &Authority,
        kind: KeyKind,
        names: &[String],
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Self, AuthorityError> {
        let pair = make_key(kind)?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        let signer = any_supported_type(&der)
            .map_err(|_| AuthorityError::crypto("loading the server's key")(rcgen::Error::CouldNotParseKeyPair))?;
        let usual = certify(&pair, &signer, root, names, now, ids)?;
        Ok(Self { pair, signer, usual, others: Mutex::default() })
    }

    fn certify(
        &self,
        root: &Authority,
        names: &[String],
        now: Timestamp,
        ids: &dyn Ids,
    ) -> Result<Arc<CertifiedKey>, AuthorityError> {
        certify(&self.pair, &self.signer, root, names, now, ids)
    }
}

fn certify(
    pair: &KeyPair,
    signer: &Arc<dyn SigningKey>,
    root: &Authority,
    names: &[String],
    now: Timestamp,
    ids: &dyn Ids,
) -> Result<Arc<CertifiedKey>, AuthorityError> {
    let attempt = || AuthorityError::crypto("signing a server certificate");
    let mut params = CertificateParams::new(names).map_err(attempt())?;
    params.distinguished_name = name(names.first().map_or("localhost", String::as_str));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(serial(ids).to_vec().into());
    params.not_before = now.utc() - time::Duration::DAY;
    params.not_after = now.utc() + time::Duration::days(VALID_DAYS);
    let root_der = CertificateDer::from(root.certificate().der());
    let issuer = Issuer::from_ca_cert_der(&root_der, root.key()).map_err(attempt())?;
    let signed = params.signed_by(pair, &issuer).map_err(attempt())?;
    let chain = vec![signed.der().clone(), root_der.into_owned()];
    Ok(Arc::new(CertifiedKey::new(chain, Arc::clone(signer))))
}

impl ResolvesServerCert for ServerNames {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let ecdsa = schemes.contains(&SignatureScheme::ECDSA_NISTP256_SHA256);
        let leaf = if ecdsa { &self.ecdsa } else { self.rsa()? };
        Some(self.certificate(leaf, hello.server_name()))
    }
}

impl fmt::Debug for ServerNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerNames").field("usual", &self.usual).finish_non_exhaustive()
    }
}
