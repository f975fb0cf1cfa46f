//! Tags on whatever can have them: which kinds those are, and whether a resource is there. A new kind is a line in [`KINDS`], the
//! operation that makes it a line in `tagged!`, and the one that deletes it a line in `untagged!` (the crate of services, `call.rs`).

use crate::books::Books;
use drydock_core::{ApiError, Arn};
use drydock_registry::tags::NewTags;
use percent_encoding::percent_decode_str;

/// How the resource part of a kind's ARNs begins, and whether there is one with the rest of it.
type Kind = (&'static str, fn(&Books, &str) -> bool);

const KINDS: &[Kind] = &[
    ("authorizer/", |books, name| books.identity.read(|book| book.known_authorizer(name).is_ok())),
    ("billinggroup/", |books, name| books.registry.read(|book| book.has_billing_group(name))),
    ("cacert/", |books, id| books.identity.read(|book| book.has_authority(id))),
    ("certificateprovider:", |books, name| books.identity.read(|book| book.has_certificate_provider(name))),
    ("policy/", |books, name| books.policies.read(|book| book.has_policy(name))),
    ("provisioningtemplate/", |books, name| books.provisioning.read(|book| book.has_template(name))),
    ("rolealias/", |books, name| books.identity.read(|book| book.known_role_alias(name).is_ok())),
    ("rule/", |books, name| books.rules.read(|book| book.has_rule(name))),
    ("thinggroup/", |books, name| books.registry.read(|book| book.has_thing_group(name))),
    ("thingtype/", |books, name| books.registry.read(|book| book.has_thing_type(name))),
];

/// Checks that a resource is there and can be tagged.
///
/// # Errors
/// `InvalidRequestException` for what is no ARN, or one of a kind that has no tags; `ResourceNotFoundException`.
pub fn resource(books: &Books, text: &str) -> Result<(), ApiError> {
    let arn = Arn::parse(text).filter(|arn| arn.service() == "iot");
    let arn = arn.ok_or_else(|| ApiError::invalid(format!("`{text}` is not the ARN of a resource of AWS IoT")))?;
    let found = KINDS.iter().find_map(|(kind, exists)| Some((arn.resource().strip_prefix(kind)?, exists)));
    let Some((name, exists)) = found else {
        return Err(ApiError::invalid(format!("`{text}` is not of a kind that can be tagged here: {}", kinds())));
    };
    if books.scope.arn("iot", arn.resource()) == arn && exists(books, name) {
        Ok(())
    } else {
        Err(ApiError::not_found(format!("there is no resource `{text}`")))
    }
}

fn kinds() -> String {
    let kinds: Vec<_> = KINDS.iter().map(|(kind, _)| kind.trim_end_matches(['/', ':'])).collect();
    kinds.join(", ")
}

/// Keeps the tags of a resource that was just made.
///
/// # Errors
/// Where the disk does not take them: the resource is there all the same.
pub async fn keep(books: &Books, arn: Option<&str>, tags: NewTags) -> Result<(), ApiError> {
    match arn {
        Some(arn) if !tags.is_empty() => books.apply(&books.tags, |book| book.add(arn, tags)).await,
        _ => Ok(()),
    }
}

/// Forgets the tags of a resource that is gone, so that a later one of its name does not find them.
///
/// # Errors
/// Where the disk does not take it.
pub async fn forget(books: &Books, resource: &str) -> Result<(), ApiError> {
    let arn = books.scope.arn("iot", resource);
    books.apply(&books.tags, |book| Ok(book.forget(arn.as_str()))).await
}

/// The tags of an `x-amz-tagging` header, which is a query string: `key1=value1&key2=value2`.
///
/// # Errors
/// `InvalidRequestException` as for tags in a body, and for what is no UTF-8 once it is decoded.
pub fn of_header(text: Option<&str>) -> Result<NewTags, ApiError> {
    let decode = |text: &str| {
        let decoded = percent_decode_str(&text.replace('+', " ")).decode_utf8().map(|text| text.into_owned());
        decoded.map_err(|_| ApiError::invalid(format!("`{text}` in x-amz-tagging is no UTF-8 once it is decoded")))
    };
    let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(key)?, decode(value)?))
    });
    NewTags::new(pairs.collect::<Result<Vec<_>, ApiError>>()?)
}
