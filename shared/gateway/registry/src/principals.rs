//! Principals: the certificates and identities attached to things. Source: the API reference of the operations, and "Exclusive
//! things" of the developer guide.

use crate::registry::{PRINCIPALS, Registry, json, no_thing};
use crate::shelf::Slot;
use drydock_core::{ApiError, CertificateId, Done, Event, Scope, Write, page};
use drydock_model::iot::{
    AttachThingPrincipalRequest, AttachThingPrincipalResponse, DetachThingPrincipalRequest,
    DetachThingPrincipalResponse, ListPrincipalThingsRequest, ListPrincipalThingsResponse,
    ListPrincipalThingsV2Request, ListPrincipalThingsV2Response, ListThingPrincipalsRequest,
    ListThingPrincipalsResponse, ListThingPrincipalsV2Request, ListThingPrincipalsV2Response, PrincipalThingObject,
    ThingPrincipalObject, ThingPrincipalType,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::ops::Bound;

/// The size of a page where none is asked for.
const PAGE: i32 = 25;

/// Who may be attached to a thing. Certificates, which are nearly all, take no memory of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Principal {
    /// A certificate of this account and region, by its digest.
    Certificate([u8; 32]),
    /// Anything else: a Cognito identity, or an ARN of another account or service.
    Other(SmolStr),
}

impl Principal {
    /// Reads an ARN, a Cognito identity id, or the id of a certificate.
    pub(crate) fn new(scope: &Scope, text: &str) -> Self {
        let digest = |id: &str| {
            let mut digest = [0; 32];
            CertificateId::new(id).ok()?;
            hex::decode_to_slice(id, &mut digest).ok()?;
            Some(digest)
        };
        let certificate = drydock_core::Arn::parse(text)
            .and_then(|arn| {
                let id = arn.resource().strip_prefix("cert/")?;
                CertificateId::new(id).ok().filter(|id| scope.certificate(id) == arn)
            })
            .and_then(|id| digest(id.as_str()));
        certificate.or_else(|| digest(text)).map_or_else(|| Self::Other(text.into()), Self::Certificate)
    }

    /// The ARN or identity id.
    fn text(&self, scope: &Scope) -> String {
        match self {
            Self::Certificate(digest) => scope.certificate(&CertificateId::from_digest(digest)).into(),
            Self::Other(text) => text.to_string(),
        }
    }

    /// The lowest of all, for the begin of a range.
    const FIRST: Self = Self::Certificate([0; 32]);
}

/// How a principal is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// It may be attached to nothing else, and whoever connects with it is this thing.
    #[serde(rename = "EXCLUSIVE_THING")]
    Exclusive,
    /// It may be attached to several things, and whoever connects with it is the one whose name is the client id.
    #[serde(rename = "NON_EXCLUSIVE_THING")]
    Shared,
}

impl From<ThingPrincipalType> for Kind {
    fn from(wire: ThingPrincipalType) -> Self {
        match wire {
            ThingPrincipalType::ExclusiveThing => Self::Exclusive,
            ThingPrincipalType::NonExclusiveThing => Self::Shared,
        }
    }
}

impl From<Kind> for ThingPrincipalType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Exclusive => Self::ExclusiveThing,
            Kind::Shared => Self::NonExclusiveThing,
        }
    }
}

/// Names with the kind of their attachment, and the token for more.
type Page = (Vec<(String, Kind)>, Option<String>);

/// Every attachment, found from both ends.
#[derive(Debug, Default)]
pub(crate) struct Attachments {
    by_thing: BTreeMap<(Slot, Principal), Kind>,
    by_principal: BTreeMap<(Principal, Slot), Kind>,
}

impl Attachments {
    pub(crate) fn attach(&mut self, slot: Slot, principal: Principal, kind: Kind) {
        self.by_thing.insert((slot, principal.clone()), kind);
        self.by_principal.insert((principal, slot), kind);
    }

    fn detach(&mut self, slot: Slot, principal: Principal) -> bool {
        self.by_principal.remove(&(principal.clone(), slot));
        self.by_thing.remove(&(slot, principal)).is_some()
    }

    pub(crate) fn kind(&self, slot: Slot, principal: &Principal) -> Option<Kind> {
        self.by_thing.get(&(slot, principal.clone())).copied()
    }

    /// The things of a principal, after one of them.
    pub(crate) fn things<'a>(
        &'a self,
        principal: &'a Principal,
        after: Option<Slot>,
    ) -> impl Iterator<Item = (Slot, Kind)> + 'a {
        let from = match after {
            Some(slot) => Bound::Excluded((principal.clone(), slot)),
            None => Bound::Included((principal.clone(), Slot::MIN)),
        };
        let entries = self.by_principal.range((from, Bound::Unbounded));
        entries.take_while(move |((of, _), _)| of == principal).map(|((_, slot), kind)| (*slot, *kind))
    }

    /// The principals of a thing, after one of them.
    pub(crate) fn principals(&self, slot: Slot, after: Option<Principal>) -> impl Iterator<Item = (&Principal, Kind)> {
        let from = match after {
            Some(principal) => Bound::Excluded((slot, principal)),
            None => Bound::Included((slot, Principal::FIRST)),
        };
        let entries = self.by_thing.range((from, Bound::Unbounded));
        entries.take_while(move |((of, _), _)| *of == slot).map(|((_, principal), kind)| (principal, *kind))
    }
}

impl Registry {
    /// "AttachThingPrincipal". `exists` says whether the principal is one of the account's: who keeps the certificates knows.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the thing or the principal; `InvalidRequestException` where an exclusive attachment of
    /// the principal stands against it.
    pub fn attach_thing_principal(
        &mut self,
        request: &AttachThingPrincipalRequest,
        exists: bool,
    ) -> Result<Done<AttachThingPrincipalResponse>, ApiError> {
        let (thing, text) = (&request.thing_name, &request.principal);
        let slot = self.shelf.slot(thing).ok_or_else(|| no_thing(thing))?;
        if !exists {
            return Err(ApiError::not_found(format!("there is no principal `{text}`")));
        }
        let principal = Principal::new(&self.scope, text);
        let kind = request.thing_principal_type.map_or(Kind::Shared, Kind::from);
        self.no_other(Some(slot), &principal, text, kind)?;
        let reply = AttachThingPrincipalResponse {};
        if self.attachments.kind(slot, &principal) == Some(kind) {
            return Ok(Done::reply(reply));
        }
        let write = Write::put(PRINCIPALS, self.key(thing, &principal), json(&kind));
        self.attachments.attach(slot, principal, kind);
        Ok(Done::written(reply, vec![write]).with(Event::AuthorizationChanged))
    }

    /// Whether a principal that exists can be attached to a thing, which may not be there yet, as "AttachThingPrincipal" does
    /// where nothing is said of exclusiveness.
    ///
    /// # Errors
    /// `InvalidRequestException` where an exclusive attachment of the principal stands against it.
    pub fn check_attachment(&self, thing: &str, principal: &str) -> Result<(), ApiError> {
        let of = Principal::new(&self.scope, principal);
        self.no_other(self.shelf.slot(thing), &of, principal, Kind::Shared)
    }

    /// Checks that no attachment of a principal to another thing stands against one to this thing.
    fn no_other(&self, slot: Option<Slot>, principal: &Principal, text: &str, kind: Kind) -> Result<(), ApiError> {
        let other = self
            .attachments
            .things(principal, None)
            .find(|(other, of)| Some(*other) != slot && (kind == Kind::Exclusive || *of == Kind::Exclusive));
        let Some((other, of)) = other else { return Ok(()) };
        let other = self.shelf.at(other).map_or("another", |thing| thing.name.as_str());
        let how = if of == Kind::Exclusive { "exclusively attached" } else { "attached" };
        Err(ApiError::invalid(format!("the principal `{text}` is {how} to the thing `{other}`: detach it there first")))
    }

    /// Whether a principal, by ARN or id, is attached to a thing.
    #[must_use]
    pub fn is_attached(&self, thing: &str, principal: &str) -> bool {
        let slot = self.shelf.slot(thing);
        slot.is_some_and(|slot| self.attachments.kind(slot, &Principal::new(&self.scope, principal)).is_some())
    }

    /// "DetachThingPrincipal".
    ///
    /// # Errors
    /// `ResourceNotFoundException` for the thing, or where the principal is not attached to it.
    pub fn detach_thing_principal(
        &mut self,
        request: &DetachThingPrincipalRequest,
    ) -> Result<Done<DetachThingPrincipalResponse>, ApiError> {
        let (thing, text) = (&request.thing_name, &request.principal);
        let slot = self.shelf.slot(thing).ok_or_else(|| no_thing(thing))?;
        let principal = Principal::new(&self.scope, text);
        let key = self.key(thing, &principal);
        if !self.attachments.detach(slot, principal) {
            return Err(ApiError::not_found(format!("the principal `{text}` is not attached to the thing `{thing}`")));
        }
        let write = Write::delete(PRINCIPALS, key);
        Ok(Done::written(DetachThingPrincipalResponse {}, vec![write]).with(Event::AuthorizationChanged))
    }

    fn key(&self, thing: &str, principal: &Principal) -> String {
        format!("{thing}/{}", principal.text(&self.scope))
    }

    /// How many things a principal, by ARN or id, is attached to.
    #[must_use]
    pub fn things_of(&self, principal: &str) -> usize {
        self.attachments.things(&Principal::new(&self.scope, principal), None).count()
    }

    /// "ListThingPrincipals".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the token is not one of this operation.
    pub fn list_thing_principals(
        &self,
        request: &ListThingPrincipalsRequest,
    ) -> Result<Done<ListThingPrincipalsResponse>, ApiError> {
        let operation = "ListThingPrincipals";
        let token = request.next_token.as_deref();
        let (page, next_token) =
            self.principals_page(operation, &request.thing_name, None, request.max_results, token)?;
        let principals = Some(page.into_iter().map(|(principal, _)| principal).collect());
        Ok(Done::reply(ListThingPrincipalsResponse { next_token, principals }))
    }

    /// "ListThingPrincipalsV2".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the token is not one of this operation.
    pub fn list_thing_principals_v2(
        &self,
        request: &ListThingPrincipalsV2Request,
    ) -> Result<Done<ListThingPrincipalsV2Response>, ApiError> {
        let operation = "ListThingPrincipalsV2";
        let kind = request.thing_principal_type.map(Kind::from);
        let token = request.next_token.as_deref();
        let (page, next_token) =
            self.principals_page(operation, &request.thing_name, kind, request.max_results, token)?;
        let object = |(principal, kind): (String, Kind)| ThingPrincipalObject {
            principal,
            thing_principal_type: Some(kind.into()),
        };
        let thing_principal_objects = Some(page.into_iter().map(object).collect());
        Ok(Done::reply(ListThingPrincipalsV2Response { next_token, thing_principal_objects }))
    }

    fn principals_page(
        &self,
        operation: &str,
        thing: &str,
        kind: Option<Kind>,
        limit: Option<i32>,
        token: Option<&str>,
    ) -> Result<Page, ApiError> {
        let unknown = || {
            // AWS's own words.
            ApiError::not_found(format!(
                "Failed to list principals for thing {thing} because the thing does not exist in your account"
            ))
        };
        let slot = self.shelf.slot(thing).ok_or_else(unknown)?;
        let place = token.map(|token| page::place(operation, token)).transpose()?;
        let after = place.map(|place| Principal::new(&self.scope, &place));
        let entries = self.attachments.principals(slot, after);
        let entries = entries.filter(|(_, of)| kind.is_none_or(|kind| *of == kind));
        let entries = entries.map(|(principal, kind)| (principal.text(&self.scope), kind));
        let (page, next) = page::cut(entries, page_size(limit), |(principal, _)| principal.clone());
        Ok((page, next.map(|place| page::token(operation, &place))))
    }

    /// "ListPrincipalThings". A principal that nobody knows has no things.
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation.
    pub fn list_principal_things(
        &self,
        request: &ListPrincipalThingsRequest,
    ) -> Result<Done<ListPrincipalThingsResponse>, ApiError> {
        let token = request.next_token.as_deref();
        let (page, next_token) =
            self.things_page("ListPrincipalThings", &request.principal, None, request.max_results, token)?;
        let things = Some(page.into_iter().map(|(name, _)| name).collect());
        Ok(Done::reply(ListPrincipalThingsResponse { next_token, things }))
    }

    /// "ListPrincipalThingsV2". A principal that nobody knows has no things.
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation.
    pub fn list_principal_things_v2(
        &self,
        request: &ListPrincipalThingsV2Request,
    ) -> Result<Done<ListPrincipalThingsV2Response>, ApiError> {
        let kind = request.thing_principal_type.map(Kind::from);
        let token = request.next_token.as_deref();
        let (page, next_token) =
            self.things_page("ListPrincipalThingsV2", &request.principal, kind, request.max_results, token)?;
        let object = |(thing_name, kind): (String, Kind)| PrincipalThingObject {
            thing_name,
            thing_principal_type: Some(kind.into()),
        };
        let principal_thing_objects = Some(page.into_iter().map(object).collect());
        Ok(Done::reply(ListPrincipalThingsV2Response { next_token, principal_thing_objects }))
    }

    fn things_page(
        &self,
        operation: &str,
        principal: &str,
        kind: Option<Kind>,
        limit: Option<i32>,
        token: Option<&str>,
    ) -> Result<Page, ApiError> {
        let principal = Principal::new(&self.scope, principal);
        let after = token.map(|token| slot_place(operation, token)).transpose()?;
        let entries = self.attachments.things(&principal, after);
        let entries = entries.filter(|(_, of)| kind.is_none_or(|kind| *of == kind));
        let entries = entries.filter_map(|(slot, kind)| Some((slot, self.shelf.at(slot)?.name.to_string(), kind)));
        let (page, next) = page::cut(entries, page_size(limit), |(slot, _, _)| slot.to_string());
        let page = page.into_iter().map(|(_, name, kind)| (name, kind)).collect();
        Ok((page, next.map(|place| page::token(operation, &place))))
    }
}

/// The size of a page; the wire has checked its bounds.
pub(crate) fn page_size(limit: Option<i32>) -> usize {
    usize::try_from(limit.unwrap_or(PAGE)).unwrap_or(1)
}

/// The slot in a token.
pub(crate) fn slot_place(operation: &str, token: &str) -> Result<Slot, ApiError> {
    page::place(operation, token)?
        .parse()
        .map_err(|_| ApiError::invalid("the token is damaged: leave it out to begin anew"))
}
