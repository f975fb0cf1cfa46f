//! What the tests share: an account, a clock's reading, random numbers that repeat, and a maker of CAs and certificates.

use drydock_core::{Done, Event, Ids, Rulebook, Scope, Timestamp, Write};
use drydock_identity::Identity;
use drydock_model::iot::{
    GetRegistrationCodeRequest, RegisterCACertificateRequest, RegisterCACertificateResponse, UpdateCertificateRequest,
};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// 2026-11-01T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_793_491_200_000);
pub(crate) const DAY: i64 = 24 * 3600 * 1000;

pub(crate) fn scope() -> Scope {
    Scope::new("123456789012", "us-east-1")
}

/// Counts; different at each call and the same in each run.
#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicU64);

impl Ids for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let n = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *byte = (n >> 32) as u8;
        }
    }
}

/// The rulebook with the rows it would have on disk.
pub(crate) struct Account {
    pub(crate) book: Identity,
    pub(crate) ids: Counting,
    rows: BTreeMap<(&'static str, String), String>,
    pub(crate) events: Vec<Event>,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self { book: Identity::new(scope()), ids: Counting::default(), rows: BTreeMap::new(), events: Vec::new() }
    }

    /// Does with a result what the composition does.
    pub(crate) fn take<T>(&mut self, done: Done<T>) -> T {
        for Write { table, key, value } in done.writes {
            match value {
                Some(value) => self.rows.insert((table, key), value),
                None => self.rows.remove(&(table, key)),
            };
        }
        self.events.extend(done.events);
        done.reply
    }

    /// Loads the rows into a new rulebook, as a restart does.
    pub(crate) fn restart(&mut self) {
        self.book = Identity::new(scope());
        for table in Identity::TABLES {
            for ((of, key), value) in &self.rows {
                if of == table {
                    self.book.load(table, key, value).unwrap();
                }
            }
        }
    }

    pub(crate) fn code(&mut self) -> String {
        let done = self.book.get_registration_code(&GetRegistrationCodeRequest {}, &self.ids);
        self.take(done).registration_code.unwrap()
    }

    /// Registers a CA with everything in order, active and with auto-registration.
    pub(crate) fn register(&mut self, ca: &Ca) -> String {
        let code = self.code();
        let request = RegisterCACertificateRequest {
            ca_certificate: ca.pem(),
            verification_certificate: Some(ca.device(&code, |_| {}).pem()),
            set_as_active: Some(true),
            allow_auto_registration: Some(true),
            ..RegisterCACertificateRequest::default()
        };
        self.try_register(&request).unwrap().certificate_id.unwrap()
    }

    pub(crate) fn try_register(
        &mut self,
        request: &RegisterCACertificateRequest,
    ) -> Result<RegisterCACertificateResponse, drydock_core::ApiError> {
        let done = self.book.register_ca_certificate(request, NOW, &self.ids)?;
        Ok(self.take(done))
    }

    pub(crate) fn set(&mut self, id: &str, status: &str) -> Result<(), drydock_core::ApiError> {
        let request = UpdateCertificateRequest { certificate_id: id.into(), new_status: status.parse().unwrap() };
        let done = self.book.update_certificate(&request, NOW)?;
        self.take(done);
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Kind {
    pub(crate) fn key(self) -> KeyPair {
        match self {
            Self::Rsa => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048),
            Self::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
        }
        .unwrap()
    }
}

/// A certificate with its key.
pub(crate) struct Made {
    pub(crate) certificate: rcgen::Certificate,
    pub(crate) key: KeyPair,
}

impl Made {
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn der(&self) -> &[u8] {
        self.certificate.der()
    }

    pub(crate) fn id(&self) -> String {
        drydock_identity::certificate_id(self.der()).to_string()
    }
}

/// A CA, root or below another.
pub(crate) struct Ca {
    params: CertificateParams,
    pub(crate) made: Made,
}

impl std::ops::Deref for Ca {
    type Target = Made;
    fn deref(&self) -> &Made {
        &self.made
    }
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = NOW.plus_millis(-DAY).utc();
    params.not_after = NOW.plus_millis(DAY).utc();
    params
}

impl Ca {
    pub(crate) fn root(common_name: &str) -> Self {
        Self::with(common_name, Kind::P256, |_| {})
    }

    pub(crate) fn with(common_name: &str, kind: Kind, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = kind.key();
        let mut params = Self::params(common_name);
        change(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        Self { params, made: Made { certificate, key } }
    }

    fn params(common_name: &str) -> CertificateParams {
        let mut params = params(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    }

    pub(crate) fn below(&self, common_name: &str) -> Self {
        let key = Kind::P256.key();
        let params = Self::params(common_name);
        let certificate = params.signed_by(&key, &self.issuer()).unwrap();
        Self { params, made: Made { certificate, key } }
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.made.key)
    }

    pub(crate) fn device(&self, common_name: &str, change: impl FnOnce(&mut CertificateParams)) -> Made {
        self.device_of(Kind::P256, common_name, change)
    }

    pub(crate) fn device_of(&self, kind: Kind, common_name: &str, change: impl FnOnce(&mut CertificateParams)) -> Made {
        let key = kind.key();
        let mut params = params(common_name);
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer()).unwrap();
        Made { certificate, key }
    }
}
