//! Certificate revocation lists: which certificates their issuers have revoked.

use std::collections::{HashMap, HashSet};
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

/// The name and the key of an issuer, in DER.
type Issuer = (Box<[u8]>, Box<[u8]>);

/// Certificates that were revoked, by lists whose signatures were looked at.
#[derive(Debug, Default)]
pub struct Revocations {
    /// The serial numbers, by the issuer.
    by_issuer: HashMap<Issuer, HashSet<Box<[u8]>>>,
}

impl Revocations {
    /// Takes a list in, in DER. It counts where one of these CAs has signed it, each a certificate in DER. Whether its time is over
    /// does not matter: what was revoked stays so.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn add<'c>(&mut self, list: &[u8], authorities: impl IntoIterator<Item = &'c [u8]>) -> Result<(), String> {
        let (_, list) =
            CertificateRevocationList::from_der(list).map_err(|error| format!("it is not a CRL: {error}"))?;
        let issuer = list.issuer().as_raw();
        let mut is_known = false;
        for der in authorities {
            let Ok((_, authority)) = X509Certificate::from_der(der) else { continue };
            if authority.subject().as_raw() != issuer {
                continue;
            }
            is_known = true;
            if list.verify_signature(authority.public_key()).is_err() {
                continue;
            }
            let of = (issuer.into(), authority.public_key().raw.into());
            let revoked = list.iter_revoked_certificates().map(|revoked| serial(revoked.raw_serial()));
            self.by_issuer.entry(of).or_default().extend(revoked);
            return Ok(());
        }
        Err(if is_known {
            "its signature is not its issuer's".to_owned()
        } else {
            format!("its issuer, {}, is not a registered CA", list.issuer())
        })
    }

    /// Whether a certificate, in DER, was revoked by its issuer.
    #[must_use]
    pub fn revokes(&self, der: &[u8]) -> bool {
        if self.by_issuer.is_empty() {
            return false;
        }
        let Ok((_, certificate)) = X509Certificate::from_der(der) else { return false };
        let (issuer, number) = (certificate.issuer().as_raw(), serial(certificate.raw_serial()));
        self.by_issuer.iter().any(|((name, key), revoked)| {
            **name == *issuer && revoked.contains(&number) && {
                // Two CAs may have one name: it has to be this one's certificate.
                let key = x509_parser::x509::SubjectPublicKeyInfo::from_der(key);
                key.is_ok_and(|(_, key)| certificate.verify_signature(Some(&key)).is_ok())
            }
        })
    }
}

/// A serial number without the zeros that some write in front of it.
fn serial(raw: &[u8]) -> Box<[u8]> {
    let first = raw.iter().position(|byte| *byte != 0).unwrap_or(raw.len());
    raw.get(first..).unwrap_or_default().into()
}

/// Where a certificate, in DER, says that the list of its issuer is.
#[must_use]
pub fn distribution_points(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Vec::new() };
    let mut found = Vec::new();
    for extension in certificate.extensions() {
        let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension() else { continue };
        for point in &points.points {
            let Some(DistributionPointName::FullName(names)) = &point.distribution_point else { continue };
            let addresses = names.iter().filter_map(|name| match name {
                GeneralName::URI(address) => Some((*address).to_owned()),
                _ => None,
            });
            found.extend(addresses);
        }
    }
    found
}

/// How a certificate, in DER, is named where it is an issuer: its subject, and its serial number in hexadecimal digits.
#[must_use]
pub fn named(der: &[u8]) -> Option<(String, String)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let number = serial(certificate.raw_serial());
    let number = number.iter().map(|byte| format!("{byte:02x}")).collect();
    Some((certificate.subject().to_string(), number))
}
