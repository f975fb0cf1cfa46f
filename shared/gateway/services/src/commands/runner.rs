//! Changes of the commands, with what follows from them: requests go to devices, and what is due is looked for anew.

use drydock_broker::{Message, Origin, Properties, Qos};
use drydock_commands::{Commands, Context, Fleet, Request, Started};
use drydock_core::{ApiError, Done, ErrorCode, Timestamp};
use drydock_host::{Host, tags};
use drydock_model::iot_jobs_data::{StartCommandExecutionRequest, StartCommandExecutionResponse};
use drydock_registry::Registry;
use drydock_timers::Reminder;
use smol_str::SmolStr;
use std::sync::Arc;

/// The things of a registry.
struct Registered<'r>(&'r Registry);

impl Fleet for Registered<'_> {
    fn has_thing(&self, thing: &str) -> bool {
        self.0.thing_id(thing).is_some()
    }
}

/// Runs changes of the commands.
pub(crate) struct Runner {
    pub(super) host: Host,
    /// For when something is due.
    pub(super) reminder: Reminder,
}

impl Runner {
    pub(super) fn new(host: Host) -> Self {
        let reminder = host.books.time.reminder("commands");
        Self { host, reminder }
    }

    /// Runs a command on the book.
    pub(super) async fn change<T, E: From<ApiError>>(
        &self,
        command: impl FnOnce(&mut Commands, Timestamp) -> Result<Done<T>, E>,
    ) -> Result<T, E> {
        let books = &self.host.books;
        let change =
            books.change_or((&books.commands,), |(commands,)| commands.apply(|book| command(book, books.now())));
        let reply = change.await?;
        self.remind();
        Ok(reply)
    }

    /// Sees to it that what is due is done in time.
    pub(super) fn remind(&self) {
        if let Some(at) = self.host.books.commands.read(Commands::next_due) {
            self.reminder.by(at);
        }
    }

    /// Starts an execution, and sends its request. Both are done where the caller hangs up meanwhile, too.
    pub(super) async fn start(
        self: Arc<Self>,
        request: StartCommandExecutionRequest,
    ) -> Result<StartCommandExecutionResponse, ApiError> {
        let runner = Arc::clone(&self);
        let answer = self.host.tasks.spawn_for(async move { runner.started(request).await });
        let stopping = |_| ApiError::new(ErrorCode::InternalServerException, "the gateway is stopping");
        let execution = answer.await.map_err(stopping)??;
        Ok(StartCommandExecutionResponse { execution_id: Some(execution.to_string()) })
    }

    async fn started(&self, request: StartCommandExecutionRequest) -> Result<SmolStr, ApiError> {
        let books = &self.host.books;
        let id = SmolStr::new(books.ids.uuid().to_string());
        let change = books.change((&books.registry, &books.commands), |(registry, commands)| {
            let fleet = Registered(registry);
            let context = Context { now: books.now(), fleet: &fleet };
            commands.apply(|book| book.start_execution(request, id, &context))
        });
        let Started { execution, request } = change.await?;
        self.remind();
        if let Some(request) = request {
            self.send(request).await?;
        }
        Ok(execution)
    }

    /// Sends a request to its device: to a session that waits for its client, too, until the execution's time is up. That it was
    /// sent is kept once the message is, so that a kill between may send it twice, and not lose it.
    async fn send(&self, request: Request) -> Result<(), ApiError> {
        let Request { execution, topic, payload, content_type, expires } = request;
        let properties = Properties { content_type: Some(content_type.into()), ..Properties::default() };
        let mut message = Message::new(topic, payload).with_qos(Qos::AtLeastOnce).with_properties(properties);
        message.expires_at = Some(expires);
        match self.host.broker.publish(message, Origin::Service) {
            Ok(publication) => {
                let kept = publication.durable().await;
                kept.map_err(|error| ApiError::new(ErrorCode::InternalServerException, error.to_string()))?;
            }
            Err(error) => tracing::warn!(%execution, %error, "the request of a command execution could not be sent"),
        }
        self.change(|book, _| Ok(book.sent(&execution))).await
    }

    /// Sends the requests that a kill may have kept back.
    pub(super) async fn send_left(&self) -> Result<(), ApiError> {
        for request in self.host.books.commands.read(Commands::unsent) {
            self.send(request).await?;
        }
        Ok(())
    }

    /// Does what is due.
    pub(super) async fn catch_up(&self) -> Result<(), ApiError> {
        let books = &self.host.books;
        loop {
            let change = books.change((&books.commands, &books.tags), |(commands, kept)| {
                let passed = commands.run(|book| book.due(books.now()));
                for id in &passed.deleted {
                    tags::forget(kept, &books.scope, &format!("command/{id}"));
                }
                Ok::<_, ApiError>(passed.more)
            });
            if !change.await? {
                return Ok(());
            }
        }
    }
}
