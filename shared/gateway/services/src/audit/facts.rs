//! What the checks look at, from the books, in parts so that nobody waits long for a lock.

use super::lists::{AT_ONCE, may_connect};
use drydock_audit::checks::device_certificate_shared::SHIFT;
use drydock_audit::checks::intermediate_ca_revoked::Issuer;
use drydock_audit::checks::{
    ca_certificate_expiring, ca_certificate_key_quality, conflicting_client_ids, device_certificate_age,
    device_certificate_expiring, device_certificate_key_quality, device_certificate_shared, intermediate_ca_revoked,
    logging_disabled, policy_misconfigured, policy_permissive, revoked_ca_certificate, revoked_device_certificate,
    role_alias_permissive, role_alias_unused_services,
};
use drydock_audit::connections::KEPT;
use drydock_audit::keys::Blocklist;
use drydock_audit::revocation::{self, Revocations};
use drydock_audit::task::Step;
use drydock_audit::{Document, Found, Verdict, resources};
use drydock_cloud::iam::Iam;
use drydock_core::{CertificateId, PolicyName, Timestamp};
use drydock_host::books::Books;
use drydock_identity::book::row::Der;
use drydock_logging::Logging;
use drydock_model::iot::{CACertificateStatus, NonCompliantResource};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where checks look.
pub(super) struct Facts {
    pub(super) books: Arc<Books>,
    pub(super) iam: Arc<Iam>,
    pub(super) lists: Revocations,
    pub(super) weak_keys: Arc<Blocklist>,
    pub(super) now: Timestamp,
}

/// What a check has seen.
pub(super) struct Looked {
    /// How many resources it has looked at.
    pub(super) total: usize,
    pub(super) found: Vec<Found>,
}

/// A certificate of a device.
struct Certificate {
    id: CertificateId,
    der: Der,
    authority: Option<CertificateId>,
    created: Timestamp,
    not_after: Timestamp,
}

fn of(verdict: Verdict, resource: NonCompliantResource) -> Found {
    Found { verdict, resource, related: Vec::new() }
}

/// Carries a check out; nothing where its audit was canceled meanwhile.
pub(super) fn look(facts: &Facts, step: &Step) -> Option<Looked> {
    let now = facts.now;
    let days = facts.books.audit.read(|audit| audit.days(step.check));
    match step.check.name {
        name if name == device_certificate_expiring::CHECK.name => {
            devices(facts, step, |one| device_certificate_expiring::judge(one.not_after, days, now))
        }
        name if name == device_certificate_age::CHECK.name => {
            devices(facts, step, |one| device_certificate_age::judge(one.created, days, now))
        }
        name if name == device_certificate_key_quality::CHECK.name => {
            devices(facts, step, |one| device_certificate_key_quality::judge(one.der.bytes(), &facts.weak_keys))
        }
        name if name == revoked_device_certificate::CHECK.name => {
            devices(facts, step, |one| revoked_device_certificate::judge(one.der.bytes(), &facts.lists))
        }
        name if name == ca_certificate_expiring::CHECK.name => {
            Some(authorities(facts, |_, not_after| ca_certificate_expiring::judge(not_after, now)))
        }
        name if name == ca_certificate_key_quality::CHECK.name => {
            Some(authorities(facts, |der, _| ca_certificate_key_quality::judge(der, &facts.weak_keys)))
        }
        name if name == revoked_ca_certificate::CHECK.name => {
            Some(authorities(facts, |der, _| revoked_ca_certificate::judge(der, &facts.lists)))
        }
        name if name == intermediate_ca_revoked::CHECK.name => issuers(facts, step),
        name if name == policy_permissive::CHECK.name => {
            policies(facts, step, |document| policy_permissive::judge(document).into_iter().collect())
        }
        name if name == policy_misconfigured::CHECK.name => policies(facts, step, policy_misconfigured::judge),
        name if name == role_alias_permissive::CHECK.name => Some(role_aliases(facts, |documents, role| {
            role_alias_permissive::judge(documents, &facts.books.audit.read(|audit| audit.used(role, now)))
        })),
        name if name == role_alias_unused_services::CHECK.name => Some(role_aliases(facts, |documents, role| {
            let used = facts.books.audit.read(|audit| audit.used(role, now));
            role_alias_unused_services::judge(documents, &used).into_iter().collect()
        })),
        name if name == logging_disabled::CHECK.name => {
            let is_logging = facts.books.logging.read(Logging::is_on);
            let found = logging_disabled::judge(&facts.books.scope.account, is_logging);
            Some(Looked { total: 1, found: found.into_iter().collect() })
        }
        name if name == device_certificate_shared::CHECK.name => Some(shared(facts, step)),
        name if name == conflicting_client_ids::CHECK.name => Some(conflicting(facts, step)),
        // There are no identity pools of Amazon Cognito here: nobody has connected by one.
        _ => Some(Looked { total: 0, found: Vec::new() }),
    }
}

/// Looks at each certificate of a device that may connect.
fn each_device(facts: &Facts, step: &Step, mut look: impl FnMut(Certificate)) -> Option<usize> {
    let (mut after, mut total) = (None, 0);
    loop {
        if !facts.books.audit.read(|audit| audit.is_in_progress(step)) {
            return None;
        }
        let (some, last): (Vec<Certificate>, _) = facts.books.identity.read(|identity| {
            let mut last = None;
            let rows = identity.certificates_after(after.as_ref()).take(AT_ONCE);
            let rows = rows.inspect(|(id, _)| last = Some((*id).clone())).filter(|(_, row)| may_connect(row));
            let some = rows.map(|(id, row)| Certificate {
                id: id.clone(),
                der: row.der.clone(),
                authority: row.authority.clone(),
                created: row.created,
                not_after: row.not_after,
            });
            (some.collect(), last)
        });
        total += some.len();
        some.into_iter().for_each(&mut look);
        match last {
            Some(last) => after = Some(last),
            None => return Some(total),
        }
    }
}

fn devices(facts: &Facts, step: &Step, judge: impl Fn(&Certificate) -> Option<Verdict>) -> Option<Looked> {
    let mut found = Vec::new();
    let total = each_device(facts, step, |one| {
        if let Some(verdict) = judge(&one) {
            found.push(of(verdict, resources::device_certificate(one.id.as_str())));
        }
    })?;
    Some(Looked { total, found })
}

fn all_authorities(facts: &Facts) -> Vec<(CertificateId, Der, Timestamp, bool)> {
    facts.books.identity.read(|identity| {
        let all = identity.all_authorities();
        all.map(|(id, row, certificate)| {
            (id.clone(), row.der.clone(), certificate.not_after(), row.status == CACertificateStatus::Active)
        })
        .collect()
    })
}

fn authorities(facts: &Facts, judge: impl Fn(&[u8], Timestamp) -> Option<Verdict>) -> Looked {
    let active: Vec<_> = all_authorities(facts).into_iter().filter(|(.., is_active)| *is_active).collect();
    let found = active.iter().filter_map(|(id, der, not_after, _)| {
        Some(of(judge(der.bytes(), *not_after)?, resources::ca_certificate(id.as_str())))
    });
    Looked { total: active.len(), found: found.collect() }
}

/// The registered CAs that were revoked, with the certificates that they have signed.
fn issuers(facts: &Facts, step: &Step) -> Option<Looked> {
    let authorities = all_authorities(facts);
    let revoked: BTreeMap<CertificateId, Issuer> = authorities
        .iter()
        .filter(|(_, der, ..)| facts.lists.revokes(der.bytes()))
        .filter_map(|(id, der, ..)| {
            let (subject, serial_number) = revocation::named(der.bytes())?;
            Some((id.clone(), Issuer { id: Some(id.to_string()), subject, serial_number }))
        })
        .collect();
    let mut signed: BTreeMap<CertificateId, Vec<String>> = BTreeMap::new();
    let total = each_device(facts, step, |one| {
        if let Some(authority) = one.authority.filter(|authority| revoked.contains_key(authority)) {
            signed.entry(authority).or_default().push(one.id.to_string());
        }
    })?;
    let found =
        signed.iter().filter_map(|(authority, ids)| Some(intermediate_ca_revoked::found(revoked.get(authority)?, ids)));
    Some(Looked { total, found: found.collect() })
}

fn policies(facts: &Facts, step: &Step, judge: impl Fn(&Document) -> Vec<Verdict>) -> Option<Looked> {
    let (mut after, mut total, mut found): (Option<PolicyName>, _, _) = (None, 0, Vec::new());
    loop {
        if !facts.books.audit.read(|audit| audit.is_in_progress(step)) {
            return None;
        }
        let some: Vec<(PolicyName, u32, String)> = facts.books.policies.read(|policies| {
            let some = policies.defaults_after(after.as_ref()).take(AT_ONCE);
            some.map(|(name, version, text)| (name.clone(), version, text.to_owned())).collect()
        });
        let Some((last, ..)) = some.last() else { return Some(Looked { total, found }) };
        after = Some(last.clone());
        total += some.len();
        for (name, version, text) in some {
            // What does not read was refused when it was made.
            let Ok(document) = Document::parse(&text) else { continue };
            let resource = || resources::policy(name.as_str(), &version.to_string());
            found.extend(judge(&document).into_iter().map(|verdict| of(verdict, resource())));
        }
    }
}

fn role_aliases(facts: &Facts, judge: impl Fn(&[Document], &str) -> Vec<Verdict>) -> Looked {
    let aliases: Vec<(String, String)> = facts.books.identity.read(|identity| {
        let all = identity.all_role_aliases();
        all.map(|(name, row)| (identity.role_alias_arn(name), row.role_arn.clone())).collect()
    });
    let mut found = Vec::new();
    for (arn, role) in &aliases {
        let documents = facts.iam.documents(role);
        let documents: Vec<Document> = documents.iter().filter_map(|(_, one)| Document::read(one).ok()).collect();
        found.extend(judge(&documents, role).into_iter().map(|verdict| of(verdict, resources::role_alias(arn))));
    }
    Looked { total: aliases.len(), found }
}

/// A scheduled audit looks at what came since it last ran, any other as far back as anything is kept.
fn shared(facts: &Facts, step: &Step) -> Looked {
    let until = step.started.plus_millis(-SHIFT);
    let since = step.since.map_or(step.started.plus_millis(-KEPT), |since| since.plus_millis(-SHIFT));
    let shared = facts.books.audit.read(|audit| audit.shared(since, until));
    let found =
        shared.iter().map(|(certificate, there)| device_certificate_shared::found(certificate, there)).collect();
    Looked { total: facts.books.identity.read(drydock_identity::Identity::len), found }
}

fn conflicting(facts: &Facts, step: &Step) -> Looked {
    let since = step.since.unwrap_or(step.started.plus_millis(-KEPT));
    let conflicts = facts.books.audit.read(|audit| audit.conflicting(since, step.started));
    let found: Vec<Found> = conflicts.iter().map(|(id, there)| conflicting_client_ids::found(id, there)).collect();
    Looked { total: found.len(), found }
}
