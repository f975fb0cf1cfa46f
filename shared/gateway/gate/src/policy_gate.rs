//! The gate, and its judgement on a client that is who it claims to be.

use crate::authorizer::AuthorizerClient;
use crate::authorizer::renewal::Cut;
use crate::session::Session;
use drydock_broker::{Admission, ConnectAttempt, Lifetime, Refusal, RefusalKind};
use drydock_host::books::Books;
use drydock_host::logs::Logs;
use drydock_host::logs::unproven::{Over, Unproven};
use drydock_host::notice::{Notice, Notices, Tone, Topic as About};
use drydock_model::iot::AuthenticationType;
use drydock_policy::Action;
use drydock_tasks::Tasks;
use drydock_timers::Work;
use smol_str::SmolStr;
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

/// The gateway's gate.
pub struct PolicyGate {
    pub(crate) books: Arc<Books>,
    pub(crate) notices: Notices,
    logs: Logs,
    pub(crate) authorizer_client: AuthorizerClient,
    pub(crate) cuts: Sender<(Cut, Option<Work>)>,
    pub(crate) tasks: Tasks,
}

impl PolicyGate {
    /// A gate over the rulebooks that tells of each refusal. It names those connections to `cuts` that their authorizer does
    /// not let in any more; where it asks again about a device, a task of `tasks` does.
    #[must_use]
    pub fn new(
        books: Arc<Books>,
        notices: Notices,
        logs: Logs,
        authorizer_client: AuthorizerClient,
        cuts: Sender<(Cut, Option<Work>)>,
        tasks: Tasks,
    ) -> Self {
        Self { books, notices, logs, authorizer_client, cuts, tasks }
    }

    pub(crate) fn refuse(
        &self,
        attempt: &ConnectAttempt,
        kind: RefusalKind,
        principal: &str,
        text: String,
        reasons: Vec<String>,
    ) -> Refusal {
        self.notices.tell(|| Notice {
            at: self.books.now(),
            tone: Tone::Bad,
            topic: About::Connection,
            subject: attempt.client_id.to_string(),
            text,
            reasons,
        });
        Refusal { kind, principal: principal.into(), exclusive_thing: None }
    }

    /// Logs that a client could not prove who it is; `why` begins with AWS's word for the reason.
    pub(crate) fn unproven(&self, attempt: &ConnectAttempt, principal: &str, way: AuthenticationType, why: &str) {
        let peer = &attempt.peer;
        let client = Unproven {
            over: Over::Mqtt,
            way,
            client_id: &attempt.client_id,
            principal,
            remote: peer.remote,
            local: Some(peer.local),
            server_name: peer.server_name.as_deref(),
        };
        self.logs.unproven(client, why);
    }

    /// Decides on a connect of a principal that is who it claims to be.
    pub(crate) fn decide(
        &self,
        attempt: &ConnectAttempt,
        principal: SmolStr,
        session: Arc<Session>,
        lifetime: Option<Lifetime>,
    ) -> Result<Admission, Refusal> {
        let (policies, exclusive_thing) = session.current();
        let refused = |action: Action, name: &str| {
            let explanation = policies.explain(action, name);
            let mut refusal = self.refuse(
                attempt,
                RefusalKind::NotAuthorized,
                &principal,
                format!(
                    "connect refused: {} on {} is not allowed",
                    action.name(),
                    action.resource(&self.books.scope, name)
                ),
                explanation.to_string().lines().map(str::to_owned).collect(),
            );
            refusal.exclusive_thing.clone_from(&exclusive_thing);
            refusal
        };
        if !policies.allows(Action::Connect, &attempt.client_id) {
            return Err(refused(Action::Connect, &attempt.client_id));
        }
        if let Some(will) = &attempt.will {
            if !policies.allows(Action::Publish, &will.topic) {
                return Err(refused(Action::Publish, &will.topic));
            }
            if will.retain && !policies.allows(Action::RetainPublish, &will.topic) {
                return Err(refused(Action::RetainPublish, &will.topic));
            }
        }
        Ok(Admission { principal, exclusive_thing, session, lifetime })
    }
}
