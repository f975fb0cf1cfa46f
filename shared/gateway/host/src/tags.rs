//! Tags on whatever can have them: which kinds those are, and whether a resource is there. A new kind is a line in [`KINDS`], the
//! operation that makes it a line in `tagged!`, and the one that deletes it a line in `untagged!` (the crate of services, `call.rs`).

use crate::books::Books;
use drydock_audit::Audit;
use drydock_commands::Commands;
use drydock_core::{ApiError, Arn, Done, Scope};
use drydock_detect::Detect;
use drydock_identity::Identity;
use drydock_indexing::Indexing;
use drydock_jobs::Jobs;
use drydock_ota::Ota;
use drydock_packages::Packages;
use drydock_policy::Policies;
use drydock_provisioning::Provisioning;
use drydock_registry::Registry;
use drydock_registry::tags::{NewTags, Tags};
use drydock_rules::Rules;
use drydock_store::Part;
use percent_encoding::percent_decode_str;

/// The rulebooks that resources with tags are in, and that of the tags: opened for a change.
pub type Parts<'b> = (
    Part<'b, Identity>,
    Part<'b, Registry>,
    Part<'b, Policies>,
    Part<'b, Provisioning>,
    Part<'b, Packages>,
    Part<'b, Jobs>,
    Part<'b, Commands>,
    Part<'b, Ota>,
    Part<'b, Indexing>,
    Part<'b, Detect>,
    Part<'b, Audit>,
    Part<'b, Rules>,
    Part<'b, Tags>,
);

/// How the resource part of a kind's ARNs begins, and whether there is one with the rest of it.
type Kind = (&'static str, fn(&Parts<'_>, &str) -> bool);

const KINDS: &[Kind] = &[
    ("authorizer/", |(identity, ..), name| identity.known_authorizer(name).is_ok()),
    ("billinggroup/", |(_, registry, ..), name| registry.has_billing_group(name)),
    ("cacert/", |(identity, ..), id| identity.has_authority(id)),
    ("certificateprovider:", |(identity, ..), name| identity.has_certificate_provider(name)),
    ("command/", |(_, _, _, _, _, _, commands, ..), id| commands.has_command(id)),
    ("custommetric/", |(_, _, _, _, _, _, _, _, _, detect, ..), name| detect.has_custom_metric(name)),
    ("dimension/", |(_, _, _, _, _, _, _, _, _, detect, ..), name| detect.knows_dimension(name)),
    ("fleetmetric/", |(_, _, _, _, _, _, _, _, indexing, ..), name| indexing.has_fleet_metric(name)),
    ("job/", |(_, _, _, _, _, jobs, ..), id| jobs.has_job(id)),
    ("jobtemplate/", |(_, _, _, _, _, jobs, ..), id| jobs.has_template(id)),
    ("mitigationaction/", |(_, _, _, _, _, _, _, _, _, _, audit, ..), name| audit.has_action(name)),
    ("otaupdate/", |(_, _, _, _, _, _, _, ota, ..), id| ota.has_update(id)),
    ("package/", |(_, _, _, _, packages, ..), name| match name.split_once("/version/") {
        Some((package, version)) => packages.has_version(package, version),
        None => packages.has_package(name),
    }),
    ("policy/", |(_, _, policies, ..), name| policies.has_policy(name)),
    ("provisioningtemplate/", |(_, _, _, provisioning, ..), name| provisioning.has_template(name)),
    ("rolealias/", |(identity, ..), name| identity.known_role_alias(name).is_ok()),
    ("rule/", |(_, _, _, _, _, _, _, _, _, _, _, rules, _), name| rules.has_rule(name)),
    ("scheduledaudit/", |(_, _, _, _, _, _, _, _, _, _, audit, ..), name| audit.has_schedule(name)),
    ("securityprofile/", |(_, _, _, _, _, _, _, _, _, detect, ..), name| detect.has_profile(name)),
    ("stream/", |(_, _, _, _, _, _, _, ota, ..), id| ota.has_stream(id)),
    ("thinggroup/", |(_, registry, ..), name| registry.has_thing_group(name)),
    ("thingtype/", |(_, registry, ..), name| registry.has_thing_type(name)),
];

/// Runs a command on the tags of a resource, which has to be there and be of a kind that can be tagged.
///
/// # Errors
/// `InvalidRequestException` for what is not an ARN, or one of a kind that has no tags; `ResourceNotFoundException`; what the
/// command says.
pub async fn apply<T>(
    books: &Books,
    arn: &str,
    command: impl FnOnce(&mut Tags) -> Result<Done<T>, ApiError>,
) -> Result<T, ApiError> {
    let touched = (
        &books.identity,
        &books.registry,
        &books.policies,
        &books.provisioning,
        &books.packages,
        &books.jobs,
        &books.commands,
        &books.ota,
        &books.indexing,
        &books.detect,
        &books.audit,
        &books.rules,
        &books.tags,
    );
    books
        .change(touched, |parts| {
            check(&books.scope, parts, arn)?;
            parts.12.apply(command)
        })
        .await
}

fn check(scope: &Scope, parts: &Parts<'_>, text: &str) -> Result<(), ApiError> {
    let arn = Arn::parse(text).filter(|arn| arn.service() == "iot");
    let arn = arn.ok_or_else(|| ApiError::invalid(format!("`{text}` is not the ARN of a resource of AWS IoT")))?;
    let found = KINDS.iter().find_map(|(kind, exists)| Some((arn.resource().strip_prefix(kind)?, exists)));
    let Some((name, exists)) = found else {
        return Err(ApiError::invalid(format!("`{text}` is not of a kind that can be tagged here: {}", kinds())));
    };
    if scope.arn("iot", arn.resource()) == arn && exists(parts, name) {
        Ok(())
    } else {
        Err(ApiError::not_found(format!("there is no resource `{text}`")))
    }
}

fn kinds() -> String {
    let kinds: Vec<_> = KINDS.iter().map(|(kind, _)| kind.trim_end_matches(['/', ':'])).collect();
    kinds.join(", ")
}

/// Keeps the tags of a resource that the same change makes.
///
/// # Errors
/// `LimitExceededException` where it was there before and has too many then.
pub fn keep(kept: &mut Part<'_, Tags>, arn: Option<&str>, tags: NewTags) -> Result<(), ApiError> {
    match arn {
        Some(arn) if !tags.is_empty() => kept.apply(|book| book.add(arn, tags)),
        _ => Ok(()),
    }
}

/// Forgets the tags of a resource that the same change deletes, so that a later one of its name does not find them.
pub fn forget(kept: &mut Part<'_, Tags>, scope: &Scope, resource: &str) {
    let arn = scope.arn("iot", resource);
    kept.run(|book| book.forget(arn.as_str()));
}

/// The tags of an `x-amz-tagging` header, which is a query string: `key1=value1&key2=value2`.
///
/// # Errors
/// `InvalidRequestException` as for tags in a body, and for what is not UTF-8 once it is decoded.
pub fn of_header(text: Option<&str>) -> Result<NewTags, ApiError> {
    let decode = |text: &str| {
        let decoded = percent_decode_str(&text.replace('+', " ")).decode_utf8().map(|text| text.into_owned());
        decoded.map_err(|_| ApiError::invalid(format!("`{text}` in x-amz-tagging is not UTF-8 once it is decoded")))
    };
    let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(key)?, decode(value)?))
    });
    NewTags::new(pairs.collect::<Result<Vec<_>, ApiError>>()?)
}
