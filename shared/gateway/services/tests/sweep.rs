//! What provisioning left behind goes when its time is over, by the gateway's clock: nothing here waits.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use drydock_core::{CertificateId, Clock, Scope, Timestamp};
use drydock_host::books::{Books, Empty};
use drydock_host::stream::{Arriving, Stream};
use drydock_host::system::SystemIds;
use drydock_identity::Authority;
use drydock_identity::book::provisioned::CLAIM_LIFETIME;
use drydock_model::iot::{AttachPolicyRequest, CertificateStatus, CreatePolicyRequest, UpdateCertificateRequest};
use drydock_provisioning::book::tokens::LIFETIME;
use drydock_services::provisioning::sweep;
use drydock_services::rules::externals::CAPABILITIES;
use drydock_store::Store;
use drydock_timers::Timers;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const BEGIN: Timestamp = Timestamp(1_793_491_200_000);

/// A clock that is moved by hand.
struct ByHand(AtomicI64);

impl ByHand {
    fn set(&self, after: i64) {
        self.0.store(BEGIN.0 + after, Ordering::Relaxed);
    }
}

impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

struct Fleet {
    clock: Arc<ByHand>,
    books: Books,
    authority: Authority,
    _events: Arriving,
    _folder: tempfile::TempDir,
}

impl Fleet {
    fn new() -> Self {
        let scope = Scope::new("123456789012", "us-east-1");
        let clock = Arc::new(ByHand(AtomicI64::new(BEGIN.0)));
        let ids = Arc::new(SystemIds::new());
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::load_or_create_device(folder.path(), BEGIN, ids.as_ref()).unwrap();
        let store = Store::open(None).unwrap();
        let empty = Empty::new(&scope, CAPABILITIES);
        let time = Timers::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let (events, kept) = Stream::new(&time);
        let books = Books::open(&store, scope, time, ids, empty, events).unwrap();
        Self { clock, books, authority, _events: kept, _folder: folder }
    }

    /// A certificate that a device asked for over MQTT, and its token.
    async fn asked(&self, name: &str) -> (CertificateId, String) {
        let books = &self.books;
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let request = params.serialize_request(&key).unwrap().pem().unwrap();
        let issued = self.authority.sign_request(&request, books.now(), books.ids.as_ref()).unwrap();
        let id = issued.certificate.id().clone();
        let token =
            books.apply(&books.provisioning, |book| Ok(book.issue_token(id.clone(), books.now(), books.ids.as_ref())));
        let token = token.await.unwrap();
        let made = books.apply(&books.identity, |book| {
            book.create_pending_certificate(&issued.certificate, books.now(), books.ids.as_ref())
        });
        made.await.unwrap();
        (id, token)
    }

    fn is_there(&self, id: &CertificateId) -> bool {
        self.books.identity.read(|book| book.certificate(id.as_str()).is_some())
    }

    async fn is_token_good(&self, token: &str) -> bool {
        let now = self.books.now();
        let taken = self.books.apply(&self.books.provisioning, |book| {
            let good = book.take_token(token, now).is_ok();
            if good {
                let _ = book.give_back(token);
            }
            Ok(drydock_core::Done::reply(good))
        });
        taken.await.unwrap()
    }
}

#[tokio::test]
async fn certificates_that_nobody_provisioned_go_after_their_hour() {
    let fleet = Fleet::new();
    let books = &fleet.books;
    let (left, token) = fleet.asked("left").await;
    let (active, _) = fleet.asked("active").await;
    let (attached, _) = fleet.asked("attached").await;
    let (in_use, held) = fleet.asked("in use").await;
    let activate =
        UpdateCertificateRequest { certificate_id: active.to_string(), new_status: CertificateStatus::Active };
    books.apply(&books.identity, |book| book.update_certificate(&activate, books.now())).await.unwrap();
    let policy = CreatePolicyRequest {
        policy_name: "p".to_owned(),
        policy_document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}"#
            .to_owned(),
        ..CreatePolicyRequest::default()
    };
    books.apply(&books.policies, |book| book.create_policy(policy, books.now(), books.ids.as_ref())).await.unwrap();
    let attach =
        AttachPolicyRequest { policy_name: "p".to_owned(), target: books.scope.certificate(&attached).to_string() };
    books.apply(&books.policies, |book| book.attach_policy(&attach, |_| Ok(()))).await.unwrap();
    let taken =
        books.apply(&books.provisioning, |book| Ok(drydock_core::Done::reply(book.take_token(&held, books.now()))));
    assert_eq!(taken.await.unwrap(), Ok(in_use.clone()));

    fleet.clock.set(LIFETIME - 1);
    sweep::once(books).await.unwrap();
    assert!([&left, &active, &attached, &in_use].iter().all(|id| fleet.is_there(id)), "the hour is not over");
    assert!(fleet.is_token_good(&token).await);

    fleet.clock.set(LIFETIME);
    assert!(!fleet.is_token_good(&token).await);
    sweep::once(books).await.unwrap();
    assert!(!fleet.is_there(&left), "nobody provisioned it");
    assert!(fleet.is_there(&active), "it has another way of its own");
    assert!(fleet.is_there(&attached), "somebody gave it a policy");
    assert!(fleet.is_there(&in_use), "a request with its token is under way");

    // The request failed: nothing holds the certificate any more.
    books.apply(&books.provisioning, |book| Ok(book.give_back(&held))).await.unwrap();
    sweep::once(books).await.unwrap();
    assert!(!fleet.is_there(&in_use));
    assert!(fleet.is_there(&active) && fleet.is_there(&attached));
}

#[tokio::test]
async fn claims_go_after_five_minutes() {
    let fleet = Fleet::new();
    let books = &fleet.books;
    let issued = fleet.authority.new_keys(books.now(), books.ids.as_ref()).unwrap();
    let made = books.apply(&books.identity, |book| Ok(book.create_provisioning_claim("fleet", issued, books.now())));
    made.await.unwrap();
    let rows = || books.identity.read(|book| format!("{book:?}").contains("ClaimRow"));
    assert!(rows());
    fleet.clock.set(CLAIM_LIFETIME - 1);
    sweep::once(books).await.unwrap();
    assert!(rows());
    fleet.clock.set(CLAIM_LIFETIME);
    sweep::once(books).await.unwrap();
    assert!(!rows());
}
