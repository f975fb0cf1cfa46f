//! The rulebook of certificates: which CAs and device certificates the account has, what state each is in, and what happens
//! when a device shows one.
//!
//! - [`row`]: what is kept of each.
//! - [`authorities`]: the operations on CA certificates.
//! - [`authorizers`]: custom authorizers: their operations, and which one a device meets.
//! - [`domains`]: domain configurations: their operations, and which one a device meets.
//! - [`certificates`]: the operations on device certificates.
//! - [`expiry`]: which of them have expired.
//! - [`lists`]: the lists of both.
//! - [`present`]: a certificate on a connection, just-in-time registration included.
//! - [`providers`]: certificate providers, which sign in the place of AWS IoT.
//! - [`role_aliases`]: role aliases, by which devices get credentials of AWS.
//! - [`transfers`]: certificates on their way to another account.
//! - [`provisioned`]: certificates that wait for provisioning, and provisioning claims.
//!
//! Follows "X.509 client certificates" and "Just-in-time registration" of the AWS IoT Core developer guide.

pub mod authorities;
pub mod authorizers;
pub mod certificates;
pub mod domains;
pub mod expiry;
pub mod lists;
pub mod present;
pub mod providers;
pub mod provisioned;
pub mod role_aliases;
pub mod row;
pub mod transfers;

use crate::x509::{Certificate, SignedDigest, signed_digest};
use authorizers::AuthorizerRow;
use domains::DomainRow;
use drydock_core::{ApiError, CertificateId, CorruptRow, Event, Rulebook, Scope, Timestamp, Write};
use drydock_model::iot::CertificateStatus;
use providers::ProviderRow;
use provisioned::ClaimRow;
use role_aliases::RoleAliasRow;
use row::{AuthorityRow, CertificateRow};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

const CODES: &str = "registration_codes";
const AUTHORITIES: &str = "ca_certificates";
const CERTIFICATES: &str = "certificates";
const AUTHORIZERS: &str = "authorizers";
const DEFAULT_AUTHORIZER: &str = "default_authorizer";
const ROLE_ALIASES: &str = "role_aliases";
const PROVIDERS: &str = "certificate_providers";
const CLAIMS: &str = "provisioning_claims";
const DOMAINS: &str = "domain_configurations";

/// The account's certificates.
#[derive(Debug)]
pub struct Identity {
    scope: Scope,
    registration_code: Option<String>,
    authorities: BTreeMap<CertificateId, Held>,
    /// CAs by the name that their certificates have as issuer.
    by_subject: HashMap<Box<[u8]>, Vec<CertificateId>>,
    certificates: BTreeMap<CertificateId, CertificateRow>,
    /// By what their issuers signed: a certificate is known by that, not by the digest of all its bytes, of which a client
    /// may send others.
    by_signed: HashMap<SignedDigest, CertificateId>,
    /// In the order of creation, as the lists give them.
    by_age: BTreeSet<(Timestamp, CertificateId)>,
    /// The same for each CA.
    by_authority: BTreeMap<CertificateId, BTreeSet<(Timestamp, CertificateId)>>,
    /// Those on their way to another account, in the order of creation.
    outgoing: BTreeSet<(Timestamp, CertificateId)>,
    /// By the end of their validity.
    by_expiry: BTreeSet<(Timestamp, CertificateId)>,
    authorizers: BTreeMap<String, AuthorizerRow>,
    default_authorizer: Option<String>,
    role_aliases: BTreeMap<String, RoleAliasRow>,
    providers: BTreeMap<String, ProviderRow>,
    claims: BTreeMap<CertificateId, ClaimRow>,
    domains: BTreeMap<String, DomainRow>,
}

/// A CA and its certificate, read once.
#[derive(Debug)]
struct Held {
    row: AuthorityRow,
    certificate: Certificate,
}

impl Identity {
    /// An account without certificates.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            registration_code: None,
            authorities: BTreeMap::new(),
            by_subject: HashMap::new(),
            certificates: BTreeMap::new(),
            by_signed: HashMap::new(),
            by_age: BTreeSet::new(),
            by_authority: BTreeMap::new(),
            outgoing: BTreeSet::new(),
            by_expiry: BTreeSet::new(),
            authorizers: BTreeMap::new(),
            default_authorizer: None,
            role_aliases: BTreeMap::new(),
            providers: BTreeMap::new(),
            claims: BTreeMap::new(),
            domains: BTreeMap::new(),
        }
    }

    /// A device certificate, by its id.
    #[must_use]
    pub fn certificate(&self, id: &str) -> Option<&CertificateRow> {
        self.certificates.get(id)
    }

    /// The device certificates behind an id, in the order of the ids.
    pub fn certificates_after(
        &self,
        after: Option<&CertificateId>,
    ) -> impl Iterator<Item = (&CertificateId, &CertificateRow)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.certificates.range::<CertificateId, _>((from, Bound::Unbounded))
    }

    /// The CA certificates, with what each says.
    pub fn all_authorities(&self) -> impl Iterator<Item = (&CertificateId, &AuthorityRow, &Certificate)> {
        self.authorities.iter().map(|(id, held)| (id, &held.row, &held.certificate))
    }

    /// The role aliases by name.
    pub fn all_role_aliases(&self) -> impl Iterator<Item = (&str, &RoleAliasRow)> {
        self.role_aliases.iter().map(|(name, row)| (name.as_str(), row))
    }

    /// Whether a CA of this id is registered.
    #[must_use]
    pub fn has_authority(&self, id: &str) -> bool {
        self.authorities.contains_key(id)
    }

    /// How many device certificates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.certificates.len()
    }

    /// Whether there is no device certificate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
    }

    fn known(&self, id: &str) -> Result<(&CertificateId, &CertificateRow), ApiError> {
        self.certificates
            .get_key_value(id)
            .ok_or_else(|| ApiError::not_found(format!("there is no certificate `{id}`: see ListCertificates")))
    }

    fn known_authority(&self, id: &str) -> Result<(&CertificateId, &Held), ApiError> {
        self.authorities.get_key_value(id).ok_or_else(|| unknown_authority(id))
    }

    fn known_authority_mut(&mut self, id: &str) -> Result<&mut Held, ApiError> {
        self.authorities.get_mut(id).ok_or_else(|| unknown_authority(id))
    }

    /// Puts a certificate into memory and gives the write that keeps it.
    fn keep(&mut self, id: CertificateId, row: CertificateRow) -> Write {
        let write = Write::put(CERTIFICATES, id.as_str(), json(&row));
        self.take_in(id, row);
        write
    }

    fn take_in(&mut self, id: CertificateId, row: CertificateRow) {
        let place = (row.created, id.clone());
        if let Some(authority) = &row.authority {
            self.by_authority.entry(authority.clone()).or_default().insert(place.clone());
        }
        if row.status == CertificateStatus::PendingTransfer {
            self.outgoing.insert(place.clone());
        } else {
            self.outgoing.remove(&place);
        }
        self.by_expiry.insert((row.not_after, id.clone()));
        if let Some(signed) = signed_digest(row.der.bytes()) {
            self.by_signed.insert(signed, id.clone());
        }
        self.by_age.insert(place);
        self.certificates.insert(id, row);
    }

    fn take_in_authority(&mut self, row: AuthorityRow, certificate: Certificate) {
        let id = certificate.id().clone();
        self.by_subject.entry(certificate.subject().into()).or_default().push(id.clone());
        self.authorities.insert(id, Held { row, certificate });
    }
}

fn unknown_authority(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no CA certificate `{id}`: see ListCACertificates"))
}

fn json(row: &impl Serialize) -> String {
    // Rows are structs of strings and numbers: writing them as JSON does not fail.
    serde_json::to_string(row).unwrap_or_default()
}

impl Rulebook for Identity {
    const TABLES: &'static [&'static str] =
        &[CODES, AUTHORITIES, CERTIFICATES, AUTHORIZERS, DEFAULT_AUTHORIZER, DOMAINS, ROLE_ALIASES, PROVIDERS, CLAIMS];

    fn load(&mut self, table: &str, key: &str, value: &str) -> Result<(), CorruptRow> {
        let corrupt = |why: String| CorruptRow { table: table.into(), key: key.into(), why };
        let id = || CertificateId::new(key).map_err(|error| corrupt(error.to_string()));
        match table {
            CODES => self.registration_code = Some(value.to_owned()),
            AUTHORITIES => {
                let row: AuthorityRow = parse(value).map_err(corrupt)?;
                let certificate = Certificate::from_der("the CA certificate", row.der.bytes())
                    .map_err(|error| corrupt(error.to_string()))?;
                self.take_in_authority(row, certificate);
            }
            CERTIFICATES => self.take_in(id()?, parse(value).map_err(corrupt)?),
            AUTHORIZERS => {
                self.authorizers.insert(key.to_owned(), parse(value).map_err(corrupt)?);
            }
            DOMAINS => {
                self.domains.insert(key.to_owned(), parse(value).map_err(corrupt)?);
            }
            DEFAULT_AUTHORIZER => self.default_authorizer = Some(value.to_owned()),
            ROLE_ALIASES => {
                self.role_aliases.insert(key.to_owned(), parse(value).map_err(corrupt)?);
            }
            PROVIDERS => {
                self.providers.insert(key.to_owned(), parse(value).map_err(corrupt)?);
            }
            CLAIMS => {
                self.claims.insert(id()?, parse(value).map_err(corrupt)?);
            }
            _ => return Err(corrupt("the table is not one of the certificates".into())),
        }
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.scope.clone());
    }

    /// Just-in-time registration rests on it: a certificate that has registered itself waits for whoever is told.
    fn promises(&self, event: &Event) -> bool {
        matches!(event, Event::CertificatePending { .. })
    }
}

fn parse<T: DeserializeOwned>(value: &str) -> Result<T, String> {
    serde_json::from_str(value).map_err(|error| error.to_string())
}
