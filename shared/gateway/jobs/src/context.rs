//! What a command is told of the outside, and what it answers.

use crate::install::Catalog;
use crate::signed::Signatures;
use drydock_core::{ThingName, Timestamp};
use smol_str::SmolStr;
use uuid::Uuid;

/// What jobs ask of the registry.
pub trait Fleet {
    /// The id of a thing, where there is one of this name.
    fn thing_id(&self, thing: &str) -> Option<Uuid>;

    /// The id of a static thing group, where there is one of this name.
    fn group_id(&self, group: &str) -> Option<Uuid>;

    /// The things in a group, and in the groups below it.
    fn members(&self, group: &str) -> Vec<ThingName>;

    /// The groups that a thing is in, and those above them.
    fn groups_of(&self, thing: &str) -> Vec<SmolStr>;
}

/// Makes links to objects, for the placeholders of job documents.
pub trait Links {
    /// A presigned URL that holds for some seconds: for `GET`, or for `PUT` where something is to be uploaded. It is of a version
    /// of the object where one is named.
    fn link(&self, upload: bool, bucket: &str, key: &str, version: Option<&str>, seconds: u32) -> String;
}

/// What a new job asks of others than the registry.
pub struct Known<'k> {
    /// The package versions.
    pub catalog: &'k dyn Catalog,
    /// The signatures of objects.
    pub signatures: &'k dyn Signatures,
}

/// Which events the account wants to be told of ("UpdateEventConfigurations").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tells {
    /// Of the type `JOB`.
    pub jobs: bool,
    /// Of the type `JOB_EXECUTION`.
    pub executions: bool,
}

/// What a command is told of the outside.
pub struct Context<'c> {
    /// Now.
    pub now: Timestamp,
    /// The things and groups as they are.
    pub fleet: &'c dyn Fleet,
    /// Who makes links.
    pub links: &'c dyn Links,
    /// What the account wants to be told.
    pub tells: Tells,
}

/// A thing whose list of pending executions has changed: it is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The thing.
    pub thing: ThingName,
    /// The namespace of the jobs that are listed; `None` for those without.
    pub namespace: Option<SmolStr>,
    /// Whether an execution came to the list or left it.
    pub list: bool,
    /// Whether another one is the next.
    pub next: bool,
}

/// What a command answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome<T> {
    /// The answer.
    pub reply: T,
    /// The things that are to be told.
    pub changed: Vec<Changed>,
    /// When something is due next, of all that there is.
    pub due: Option<Timestamp>,
}
