//! A device's files: its certificate, the key to it, and the CA that it trusts.

use super::args::DoctorArgs;
use super::finding::Findings;
use super::folder::open_to_others;
use drydock_core::Clock as _;
use drydock_host::system::SystemClock;
use drydock_identity::Certificate;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::path::{Path, PathBuf};

const CERTIFICATE: &str = "certificate";
const KEY: &str = "private key";
const CHAIN: &str = "chain";
const ROOT: &str = "CA file";

/// Which files.
pub(super) struct Files {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    root_ca: Option<PathBuf>,
    client_id: Option<String>,
}

/// What the files hold.
pub(super) struct Device {
    /// The client id.
    pub client_id: Option<String>,
    /// The device's certificate.
    pub certificate: Option<Certificate>,
    /// What it trusts.
    pub trusts: Vec<Certificate>,
}

impl Files {
    /// The files that are named; `None` where none is.
    pub(super) fn of(args: &DoctorArgs) -> Option<Self> {
        let folder = args.device.as_deref();
        let named = [&args.certificate, &args.key, &args.root_ca].into_iter().any(Option::is_some);
        if folder.is_none() && !named {
            return None;
        }
        let of = |given: &Option<PathBuf>, usual: &str| given.clone().or_else(|| Some(folder?.join(usual)));
        let name = || Some(folder?.file_name()?.to_string_lossy().into_owned());
        Some(Self {
            certificate: of(&args.certificate, "certificate.pem.crt"),
            key: of(&args.key, "private.pem.key"),
            root_ca: of(&args.root_ca, "root-ca.pem"),
            client_id: args.client_id.clone().or_else(name),
        })
    }
}

impl Device {
    pub(super) fn look(files: &Files, findings: &mut Findings) -> Self {
        let chain =
            files.certificate.as_deref().map(|path| certificates(CERTIFICATE, path, findings)).unwrap_or_default();
        let own = chain.first().cloned();
        if let Some(own) = &own {
            certificate(own, findings);
            key(files.key.as_deref(), own, findings);
            links(&chain, findings);
        }
        let trusts = files.root_ca.as_deref().map(|path| certificates(ROOT, path, findings)).unwrap_or_default();
        authorities(&trusts, findings);
        Self { client_id: files.client_id.clone(), certificate: own, trusts }
    }
}

/// Reads the certificates in a file.
fn certificates(about: &'static str, path: &Path, findings: &mut Findings) -> Vec<Certificate> {
    let shown = path.display();
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) => {
            findings.wrong(about, format!("`{shown}` cannot be read: {error}"), "name the file");
            return Vec::new();
        }
    };
    let read: Result<Vec<_>, String> = CertificateDer::pem_slice_iter(&text)
        .map(|found| {
            let der = found.map_err(|error| format!("it is not PEM text ({error})"))?;
            Certificate::from_der("certificate", &der).map_err(|error| error.why)
        })
        .collect();
    match read {
        Ok(all) if all.is_empty() => {
            let kind =
                if text.windows(7).any(|part| part == b"PRIVATE") { "holds a private key" } else { "holds none" };
            findings.wrong(
                about,
                format!("`{shown}` {kind}"),
                "name the file that begins with `-----BEGIN CERTIFICATE-----`",
            );
            Vec::new()
        }
        Ok(all) => all,
        Err(why) => {
            findings.wrong(
                about,
                format!("`{shown}`: {why}"),
                "get the file again: it may be cut, or DER instead of PEM",
            );
            Vec::new()
        }
    }
}

fn certificate(own: &Certificate, findings: &mut Findings) {
    if let Some(why) = own.invalid_at(SystemClock.now()) {
        findings.wrong(CERTIFICATE, why, "make a new one, or set this machine's clock");
    } else if own.signs() {
        let help = "give the device its own certificate: this one is that of a CA";
        findings.wrong(CERTIFICATE, "it is a CA's, not a device's", help);
    } else if let Some(why) = own.weak_key() {
        findings.wrong(
            CERTIFICATE,
            format!("AWS IoT does not take its key: {why}"),
            "make a key of RSA with 2,048 bits, or of P-256",
        );
    } else {
        findings.good(CERTIFICATE, format!("{} is valid until {}", own.id(), own.not_after()));
    }
}

fn key(path: Option<&Path>, own: &Certificate, findings: &mut Findings) {
    let Some(path) = path else {
        findings.skipped(KEY, "none is named", "name it with --key");
        return;
    };
    let shown = path.display();
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) => {
            findings.wrong(KEY, format!("`{shown}` cannot be read: {error}"), "name the file");
            return;
        }
    };
    let public =
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| format!("it is not a private key as PEM text ({error})"));
    let public = public.and_then(|key| {
        let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key);
        signer.map_err(|error| format!("it is of a kind that is not supported ({error})"))
    });
    match public.as_ref().map(|key| key.public_key()) {
        Err(why) => findings.wrong(
            KEY,
            format!("`{shown}`: {why}"),
            "name the file that begins with `-----BEGIN … PRIVATE KEY-----`",
        ),
        Ok(Some(public)) if public.as_ref() != own.public_key() => findings.wrong(
            KEY,
            format!("`{shown}` is the key of another certificate"),
            "name the key that this certificate was made with",
        ),
        Ok(_) => findings.good(KEY, format!("`{shown}` is the key of the certificate")),
    }
    if fs::metadata(path).is_ok_and(|found| open_to_others(&found)) {
        findings.wrong(KEY, format!("others may read `{shown}`"), format!("chmod 600 {shown}"));
    }
}

/// Whether each certificate was signed by the one behind it.
fn links(chain: &[Certificate], findings: &mut Findings) {
    for (own, above) in chain.iter().zip(chain.iter().skip(1)) {
        if own.issuer() != above.subject() || own.signed_by(above).is_err() {
            findings.wrong(
                CHAIN,
                format!("the certificate {} was not signed by the one behind it", own.id()),
                "put the device's certificate first, and behind each the one that signed it",
            );
            return;
        }
    }
    if chain.len() > 1 {
        findings.good(CHAIN, format!("{} certificates, each signed by the one behind it", chain.len()));
    }
}

fn authorities(trusts: &[Certificate], findings: &mut Findings) {
    for read in trusts {
        if let Some(why) = read.invalid_at(SystemClock.now()) {
            findings.wrong(ROOT, why, "get the CA certificate anew, or set this machine's clock");
        } else if !read.signs() {
            findings.wrong(
                ROOT,
                "it is not the certificate of a CA",
                "give the device the CA certificate, not its own",
            );
        } else {
            findings.good(ROOT, format!("a CA, valid until {}", read.not_after()));
        }
    }
}
