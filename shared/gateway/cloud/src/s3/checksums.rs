//! Checksums of objects: what the client states of the bytes it sends, in headers or in a trailer, and what is kept of them.
//! Follows "Checking object integrity in Amazon S3" of the user guide: an upload that states none gets CRC64NVME.

use super::payload::Trailers;
use http::HeaderMap;
use s3s::S3Result;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::Checksum;
use s3s::s3_error;
use std::collections::BTreeMap;

/// Checksums in base64, by the algorithm's name as AWS spells it, for example `CRC32`.
pub(super) type Sums = BTreeMap<String, String>;

/// The algorithms, and their headers after `x-amz-checksum-`.
const ALGORITHMS: [(&str, &str); 5] =
    [("CRC32", "crc32"), ("CRC32C", "crc32c"), ("CRC64NVME", "crc64nvme"), ("SHA1", "sha1"), ("SHA256", "sha256")];

/// Sums up an object's bytes as they come.
pub(super) struct Hasher {
    md5: Md5,
    sums: ChecksumHasher,
}

/// What is stated of the bytes of a request.
pub(super) struct Stated {
    /// The MD5 in base64, of the header `Content-MD5`.
    md5: Option<String>,
    /// Of headers; of trailers the value is not there yet.
    sums: BTreeMap<&'static str, Option<String>>,
    trailers: Option<Trailers>,
}

impl Stated {
    /// Reads the headers of a request.
    pub(super) fn read(headers: &HeaderMap, trailers: Option<&Trailers>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let announced = text("x-amz-trailer").unwrap_or_default().to_ascii_lowercase();
        let mut sums = BTreeMap::new();
        for (name, header) in ALGORITHMS {
            let header = format!("x-amz-checksum-{header}");
            if let Some(value) = text(&header) {
                sums.insert(name, Some(value));
            } else if announced.split(',').any(|trailer| trailer.trim() == header) {
                sums.insert(name, None);
            }
        }
        Self { md5: text("content-md5"), sums, trailers: trailers.cloned() }
    }

    /// The same where the request's own body is not the object.
    pub(super) fn of_object(headers: &HeaderMap) -> Self {
        Self { md5: None, ..Self::read(headers, None) }
    }

    /// What sums up the bytes as far as they are stated; `also` names one more algorithm.
    pub(super) fn hasher(&self, also: Option<&str>) -> Hasher {
        hasher(|name| {
            self.sums.contains_key(name)
                || also == Some(name)
                || (self.sums.is_empty() && also.is_none() && name == "CRC64NVME")
        })
    }

    /// Compares what was stated with what came.
    pub(super) fn check(&self, md5: &str, sums: &Sums) -> S3Result<()> {
        if let Some(stated) = &self.md5
            && base64_of_hex(md5).as_deref() != Some(stated.as_str())
        {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
        }
        for (name, stated) in &self.sums {
            let header = name.to_ascii_lowercase();
            let trailer =
                || self.trailers.as_ref().and_then(|trailers| trailers.get(&format!("x-amz-checksum-{header}")));
            let Some(stated) = stated.clone().or_else(trailer) else {
                return Err(s3_error!(
                    InvalidRequest,
                    "The request announced the trailer x-amz-checksum-{header} and did not send it."
                ));
            };
            if sums.get(*name) != Some(&stated) {
                return Err(s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum."));
            }
        }
        Ok(())
    }
}

/// Sums up what the gateway itself puts.
pub(super) fn default_hasher() -> Hasher {
    hasher(|name| name == "CRC64NVME")
}

/// Sums up by one algorithm.
pub(super) fn hasher_of(algorithm: &str) -> Hasher {
    hasher(|name| name == algorithm)
}

fn hasher(wants: impl Fn(&str) -> bool) -> Hasher {
    let sums = ChecksumHasher {
        crc32: wants("CRC32").then(Crc32::new),
        crc32c: wants("CRC32C").then(Crc32c::new),
        crc64nvme: wants("CRC64NVME").then(Crc64Nvme::new),
        sha1: wants("SHA1").then(Sha1::new),
        sha256: wants("SHA256").then(Sha256::new),
    };
    Hasher { md5: Md5::new(), sums }
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sums.update(bytes);
    }

    /// The MD5 in hexadecimal, and the other sums.
    pub(super) fn finish(self) -> (String, Sums) {
        let digest = self.md5.finalize();
        let digest: &[u8] = digest.as_ref();
        let md5 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let sums = self.sums.finalize();
        let all = [
            ("CRC32", sums.checksum_crc32),
            ("CRC32C", sums.checksum_crc32c),
            ("CRC64NVME", sums.checksum_crc64nvme),
            ("SHA1", sums.checksum_sha1),
            ("SHA256", sums.checksum_sha256),
        ];
        (md5, all.into_iter().filter_map(|(name, sum)| Some((name.to_owned(), sum?))).collect())
    }
}

/// The sums as the answers have them.
pub(super) fn shown(sums: &Sums) -> Checksum {
    let of = |name: &str| sums.get(name).cloned();
    Checksum {
        checksum_crc32: of("CRC32"),
        checksum_crc32c: of("CRC32C"),
        checksum_crc64nvme: of("CRC64NVME"),
        checksum_sha1: of("SHA1"),
        checksum_sha256: of("SHA256"),
        ..Checksum::default()
    }
}

fn base64_of_hex(hex: &str) -> Option<String> {
    use base64::Engine as _;
    Some(base64::engine::general_purpose::STANDARD.encode(bytes_of_hex(hex)?))
}

/// The bytes of hexadecimal digits.
pub(super) fn bytes_of_hex(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()).collect()
}
