//! Asking again about a device that is connected: `refreshAfterInSeconds` after an answer its policies are asked for anew, in
//! the background, by the gateway's clock. Where the function does not let it in any more, or gives no answer, the connection ends.

use super::{AuthorizerClient, Granted, Question};
use drydock_host::notice::{Notice, Notices, Tone, Topic};
use drydock_identity::authorizer::NoAuthorizer;
use drydock_timers::{Name, Work};
use smol_str::SmolStr;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// How many connections may wait to be ended. Whoever names one more waits until there is room; the connection has no rights
/// by then.
pub const CUTS: usize = 1024;

/// A connection that is to end, by its client id and principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The client id.
    pub client_id: SmolStr,
    /// The principal.
    pub principal: SmolStr,
}

/// Whose policies are renewed.
pub trait Renewable: Send + Sync + 'static {
    /// Puts new policies in the place of the old ones.
    fn renew(&self, granted: &Granted);
    /// Takes all rights away.
    fn revoke(&self);
}

/// Renews the policies of one connection until it is gone.
pub struct Renewal {
    /// Who asks.
    pub authorizer_client: AuthorizerClient,
    /// What is asked.
    pub question: Question,
    /// Whom to tell of a refusal.
    pub notices: Notices,
    /// Where a connection that is to end is named, with the work of ending it.
    pub cuts: Sender<(Cut, Option<Work>)>,
    /// The connection.
    pub of: Cut,
}

impl Renewal {
    /// Runs until the connection is gone, which the end of its session shows, or is to go.
    pub async fn run<S: Renewable>(self, session: Weak<S>, first: Duration) {
        let books = Arc::clone(&self.authorizer_client.books);
        let at = |after: Duration| books.now().plus_millis(i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
        let mut due = at(first);
        let mut work = None;
        loop {
            let wait = books.time.until(Name::new("authorizer refresh", self.of.client_id.clone()), due);
            drop(work.take());
            work = Some(wait.await);
            if session.strong_count() == 0 {
                return;
            }
            let answer = self.ask().await;
            let Some(session) = session.upgrade() else { return };
            match answer {
                Ok(granted) => {
                    session.renew(&granted);
                    due = at(Duration::from_secs(granted.authorized.refresh_after_seconds.into()));
                }
                Err(why) => {
                    session.revoke();
                    self.notices.tell(|| Notice {
                        at: self.authorizer_client.books.now(),
                        tone: Tone::Bad,
                        topic: Topic::Connection,
                        subject: self.of.client_id.to_string(),
                        text: format!("the authorizer `{}` was asked again: {why}", self.question.name),
                        reasons: vec!["the connection ends".to_owned()],
                    });
                    // Only a gateway that is stopping has nobody at the other end.
                    let _ = self.cuts.send((self.of.clone(), work)).await;
                    return;
                }
            }
        }
    }

    async fn ask(&self) -> Result<Granted, String> {
        let name = &self.question.name;
        let found = self
            .authorizer_client
            .books
            .identity
            .read(|identity| identity.choose_authorizer(Some(name), None).map(|(_, row)| row.clone()));
        let row = found.map_err(|error: NoAuthorizer| error.to_string())?;
        let mut occasion = self.question.occasion.clone();
        occasion.signature_verified = !row.signing_disabled;
        match self.authorizer_client.ask(name, &row, self.question.signature.as_deref(), &occasion).await {
            Ok(Some(granted)) if granted.authorized.principal_id == self.of.principal.as_str() => Ok(granted),
            Ok(Some(granted)) => Err(format!("it names another principal, `{}`", granted.authorized.principal_id)),
            Ok(None) => Err("NOT_AUTHENTICATED: it does not let the device in any more".to_owned()),
            Err(error) => Err(format!("{}: {error}", error.reason())),
        }
    }
}
