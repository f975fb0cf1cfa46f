//! The accounts and regions of a gateway: each has state of its own, which is opened at its first use.
//!
//! A request of the API is of the region that it is signed for, and of the account that its key belongs to: an access key id of
//! twelve digits names one, a key that was issued here belongs to its role's, and any other to the gateway's own. IAM, which has
//! no regions, is asked in the gateway's own whatever region a request for it is signed for. A device is of
//! the account and region that the server name names, or else of the one that knows its certificate. All the rest is of the
//! account and region that the gateway was started with.
//!
//! Whoever reaches the API where no keys are configured may have a region opened by asking for it: so there are at most [`MOST`]
//! beside the gateway's own. A server name opens none.

use drydock_core::{Arn, Scope};
use drydock_host::books::Books;
use drydock_identity::Refusal;
use drydock_identity::sigv4::{CredentialScope, Denied, Known};
use drydock_identity::tls::Directory;
use http::StatusCode;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use tokio::sync::Mutex;

/// The most accounts and regions beside the gateway's own.
pub const MOST: usize = 32;

/// The folder of those that are not the gateway's own.
const FOLDER: &str = "scopes";
/// The file that says whose state is in the data folder itself.
const HOME: &str = "scope";

/// Why an account or region is not there.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// There are as many as there may be.
    #[error("{0} cannot be opened: this gateway keeps {MOST} accounts and regions beside its own, and has as many")]
    TooMany(String),
    /// It is not called as a region is.
    #[error(
        "the request is signed for `{0}`, which is not called as AWS's regions are: set AWS_REGION, for example to us-east-1"
    )]
    NotARegion(String),
    /// The key that it is signed with counts no longer, though it did when the signature was judged.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The gateway stops.
    #[error("the gateway is about to stop")]
    Stopping,
    /// It does not open.
    #[error("the state of {scope} cannot be opened: {source}")]
    Open {
        /// Which.
        scope: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl ScopeError {
    /// The HTTP status of a request that asks for it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooMany(_) | Self::NotARegion(_) => StatusCode::BAD_REQUEST,
            Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Open { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// What an account in a region has for itself.
pub trait Scoped: Clone {
    /// Its rulebooks.
    fn books(&self) -> &Arc<Books>;

    /// Which account and region it is.
    fn scope(&self) -> &Scope {
        &self.books().scope
    }
}

/// Those that are open.
pub struct Scopes<G> {
    own: Scope,
    open: RwLock<BTreeMap<Scope, G>>,
    /// One is opened at a time.
    opening: Mutex<()>,
    closed: AtomicBool,
}

/// Their names alone.
impl<G> fmt::Debug for Scopes<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scopes").field("own", &self.own).finish_non_exhaustive()
    }
}

impl<G: Scoped> Scopes<G> {
    pub(crate) fn new(own: Scope) -> Self {
        Self { own, open: RwLock::default(), opening: Mutex::default(), closed: AtomicBool::new(false) }
    }

    /// The account and region that the gateway was started with.
    #[must_use]
    pub fn own(&self) -> &Scope {
        &self.own
    }

    /// One that is open.
    #[must_use]
    pub fn get(&self, scope: &Scope) -> Option<G> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(scope).cloned()
    }

    /// All that are open: the gateway's own first.
    #[must_use]
    pub fn all(&self) -> Vec<G> {
        let mut all: Vec<G> = self.open.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        all.sort_by_key(|each| *each.scope() != self.own);
        all
    }

    /// Those beside one that is open; none, without any cost, where it is the only one.
    fn others(&self, than: &Scope) -> Vec<G> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.iter().filter(|(scope, _)| *scope != than).map(|(_, each)| each.clone()).collect()
    }

    /// What they are called.
    #[must_use]
    pub fn names(&self) -> Vec<Scope> {
        self.all().iter().map(|each| each.scope().clone()).collect()
    }

    pub(crate) fn put(&self, opened: G) {
        let scope = opened.scope().clone();
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(scope, opened);
    }

    /// The one of an account in a region, which `open` opens where it is not open; one is opened at a time.
    ///
    /// # Errors
    /// [`ScopeError`].
    pub(crate) async fn get_or_open<F, E>(&self, scope: &Scope, open: impl FnOnce() -> F) -> Result<G, ScopeError>
    where
        F: Future<Output = Result<G, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        if let Some(open) = self.get(scope) {
            return Ok(open);
        }
        let _one = self.opening.lock().await;
        if let Some(open) = self.get(scope) {
            return Ok(open);
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(ScopeError::Stopping);
        }
        if self.all().len() > MOST {
            return Err(ScopeError::TooMany(named(scope)));
        }
        let opened = open().await.map_err(|source| ScopeError::Open { scope: named(scope), source: source.into() })?;
        self.put(opened.clone());
        Ok(opened)
    }

    /// Lets none be opened any more: those that are.
    pub(crate) async fn close(&self) -> Vec<G> {
        let _one = self.opening.lock().await;
        self.closed.store(true, Ordering::Release);
        self.all()
    }

    /// Forgets all of them: each holds what holds this.
    pub(crate) fn clear(&self) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The scope that a server name names; `None` where it names none, or one that is not open.
    #[must_use]
    pub fn named(&self, server_name: &str) -> Option<G> {
        let name = server_name.to_ascii_lowercase();
        let is_domain = |each: &G| each.books().identity.read(|identity| identity.is_domain(&name));
        let of_domain = || self.all().into_iter().find(is_domain);
        match of_endpoint(&name) {
            Some((Some(account), region)) => self.get(&Scope::new(account, region)),
            // AWS gives domain configurations such names, too.
            Some((None, region)) => of_domain().or_else(|| self.get(&Scope::new(self.own.account.clone(), region))),
            None => of_domain(),
        }
    }

    /// The one of these that knows a certificate, or may register it: the given one before others.
    #[must_use]
    pub fn of_certificate(&self, first: &G, chain: &[&[u8]]) -> Option<G> {
        let knows = |each: &G| admits(each.books(), chain).is_ok();
        let others = self.others(first.scope());
        if others.is_empty() || knows(first) {
            return None;
        }
        others.into_iter().find(knows)
    }

    /// The one that holds what an ARN names, where it is open.
    #[must_use]
    pub fn of_arn(&self, arn: &str) -> Option<G> {
        let arn = Arn::parse(arn)?;
        self.get(&Scope::new(arn.account(), arn.region()))
    }

    /// The account and region that a signature is for; `known` is what is known of its key.
    ///
    /// # Errors
    /// [`ScopeError::NotARegion`].
    pub fn of_signature(&self, signed: &CredentialScope, known: Option<&Known>) -> Result<Scope, ScopeError> {
        if !Scope::is_region(&signed.region) {
            return Err(ScopeError::NotARegion(drydock_host::shown::line(&signed.region).into_owned()));
        }
        let of_role = known.and_then(|known| Arn::parse(known.role.as_deref()?));
        let account = match &of_role {
            Some(role) if Scope::is_account(role.account()) => role.account(),
            _ if Scope::is_account(&signed.access_key) => signed.access_key.as_str(),
            _ => self.own.account.as_str(),
        };
        // IAM has no regions, and is asked in one that its clients choose: the roles are with those who assume them.
        let region = if signed.service == "iam" { self.own.region.as_str() } else { signed.region.as_str() };
        Ok(Scope::new(account, region))
    }
}

/// What an account in a region is called in texts.
pub(crate) fn named(scope: &Scope) -> String {
    format!("account {} in {}", scope.account, scope.region)
}

/// The account, where it is told, and the region of a name that AWS's endpoints for devices have, such as
/// `a123456789012-ats.iot.eu-west-1.amazonaws.com`.
fn of_endpoint(name: &str) -> Option<(Option<&str>, &str)> {
    let rest = [".amazonaws.com", ".amazonaws.com.cn"].iter().find_map(|end| name.strip_suffix(end))?;
    let (before, region) = rest.rsplit_once('.')?;
    let own = before.strip_suffix(".iot")?;
    let prefix = own.split(['-', '.']).next().unwrap_or_default();
    let account = prefix.strip_prefix('a').filter(|digits| Scope::is_account(digits));
    Scope::is_region(region).then_some((account, region))
}

/// The folder of a scope's files within that of the gateway: `home` has that itself.
#[must_use]
pub(crate) fn folder(files: &Path, home: &Scope, scope: &Scope) -> PathBuf {
    if scope == home {
        return files.to_owned();
    }
    files.join(FOLDER).join(scope.account.as_str()).join(scope.region.as_str())
}

/// Whose state is in a data folder itself: that of the gateway that was first started there. In a folder of an earlier version,
/// which does not say, it is the one scope that has state, or the gateway's own.
///
/// # Errors
/// Where it can be neither read nor written.
pub(crate) fn home(files: &Path, own: &Scope, with_state: &[Scope]) -> std::io::Result<Scope> {
    let path = files.join(HOME);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let said = text
                .trim()
                .split_once('/')
                .filter(|(account, region)| Scope::is_account(account) && Scope::is_region(region));
            said.map(|(account, region)| Scope::new(account, region)).ok_or_else(|| {
                std::io::Error::other(format!("`{}` does not say whose state it is: account/region", path.display()))
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let home = if let [only] = with_state { only.clone() } else { own.clone() };
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            writeln!(file, "{}/{}", home.account, home.region)?;
            Ok(home)
        }
        Err(error) => Err(error),
    }
}

/// What admits certificates in a handshake: the account and region that the client called; for the gateway's own, which is also
/// called by who knows no name, those beside it as well.
pub(crate) struct Admission<G> {
    pub(crate) books: Arc<Books>,
    pub(crate) scopes: Weak<Scopes<G>>,
}

impl<G> fmt::Debug for Admission<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission")
    }
}

impl<G: Scoped + Send + Sync> Directory for Admission<G> {
    fn admits(&self, end_entity: &[u8], intermediates: &[&[u8]]) -> Result<(), Refusal> {
        let chain: Vec<&[u8]> = std::iter::once(end_entity).chain(intermediates.iter().copied()).collect();
        let Err(refusal) = admits(&self.books, &chain) else { return Ok(()) };
        let others = self.scopes.upgrade().map(|scopes| scopes.others(&self.books.scope)).unwrap_or_default();
        let admitted = others.iter().any(|each| admits(each.books(), &chain).is_ok());
        if admitted { Ok(()) } else { Err(refusal) }
    }
}

/// Whether an account in a region lets a certificate through the handshake.
fn admits(books: &Books, chain: &[&[u8]]) -> Result<(), Refusal> {
    books.identity.read(|identity| identity.admits(chain, books.now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_endpoint_tells_account_and_region() {
        for (name, expected) in [
            ("a123456789012-ats.iot.eu-west-1.amazonaws.com", Some((Some("123456789012"), "eu-west-1"))),
            ("a123456789012.credentials.iot.eu-west-1.amazonaws.com", Some((Some("123456789012"), "eu-west-1"))),
            ("a1b2c3d4e5f6g7-ats.iot.cn-north-1.amazonaws.com.cn", Some((None, "cn-north-1"))),
            ("iot.eu-west-1.amazonaws.com", None),
            ("a-ats.iot.nowhere.amazonaws.com", None),
            ("a-ats.iot.eu-west-1.amazonaws.com.evil.example", None),
            ("localhost", None),
        ] {
            assert_eq!(of_endpoint(name), expected, "{name}");
        }
    }

    #[test]
    fn a_folder_stays_with_whom_it_was_first() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (Scope::new("123456789012", "us-east-1"), Scope::new("123456789012", "eu-west-1"));
        assert_eq!(home(folder.path(), &first, &[]).unwrap(), first);
        assert_eq!(home(folder.path(), &second, &[]).unwrap(), first);
        assert_eq!(super::folder(folder.path(), &first, &first), folder.path());
        let beside = super::folder(folder.path(), &first, &second);
        assert_eq!(beside, folder.path().join("scopes/123456789012/eu-west-1"));
        // Of an earlier version.
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(home(folder.path(), &second, std::slice::from_ref(&first)).unwrap(), first);
        std::fs::write(folder.path().join(HOME), "../..\n").unwrap();
        assert!(home(folder.path(), &first, &[]).is_err());
    }
}
