//! The lists of certificates, ordered by their registration.

use super::Identity;
use drydock_core::{ApiError, CertificateId, Done, Timestamp, page};
use drydock_model::iot::{
    CACertificate, Certificate, ListCACertificatesRequest, ListCACertificatesResponse, ListCertificatesByCARequest,
    ListCertificatesByCAResponse, ListCertificatesRequest, ListCertificatesResponse,
};
use std::collections::BTreeSet;
use std::ops::Bound;

/// The size of a page where none is asked for ("The default is 25").
const PAGE: i32 = 25;

pub(super) type Place = (Timestamp, CertificateId);

impl Identity {
    /// "ListCertificates".
    ///
    /// # Errors
    /// `InvalidRequestException` where the marker is not one of this operation.
    pub fn list_certificates(
        &self,
        request: &ListCertificatesRequest,
    ) -> Result<Done<ListCertificatesResponse>, ApiError> {
        let asked =
            Asked::new("ListCertificates", request.ascending_order, request.page_size, request.marker.as_deref())?;
        let (places, next_marker) = asked.page(&self.by_age);
        let certificates = Some(places.iter().filter_map(|(_, id)| self.summary(id)).collect());
        Ok(Done::reply(ListCertificatesResponse { certificates, next_marker }))
    }

    /// "ListCertificatesByCA".
    ///
    /// # Errors
    /// `InvalidRequestException` where the marker is not one of this operation.
    pub fn list_certificates_by_ca(
        &self,
        request: &ListCertificatesByCARequest,
    ) -> Result<Done<ListCertificatesByCAResponse>, ApiError> {
        let asked =
            Asked::new("ListCertificatesByCA", request.ascending_order, request.page_size, request.marker.as_deref())?;
        let none = BTreeSet::new();
        let (places, next_marker) =
            asked.page(self.by_authority.get(request.ca_certificate_id.as_str()).unwrap_or(&none));
        let certificates = Some(places.iter().filter_map(|(_, id)| self.summary(id)).collect());
        Ok(Done::reply(ListCertificatesByCAResponse { certificates, next_marker }))
    }

    /// "ListCACertificates".
    ///
    /// # Errors
    /// `InvalidRequestException` where the marker is not one of this operation.
    pub fn list_ca_certificates(
        &self,
        request: &ListCACertificatesRequest,
    ) -> Result<Done<ListCACertificatesResponse>, ApiError> {
        let asked =
            Asked::new("ListCACertificates", request.ascending_order, request.page_size, request.marker.as_deref())?;
        let template = request.template_name.as_deref();
        // CAs are few: no order of theirs is kept.
        let places = self
            .authorities
            .iter()
            .filter(|(_, held)| {
                let of = held.row.provisioning.as_ref().and_then(|provisioning| provisioning.template_name.as_deref());
                template.is_none() || template == of
            })
            .map(|(id, held)| (held.row.created, id.clone()))
            .collect();
        let (places, next_marker) = asked.page(&places);
        let summary = |id: &CertificateId| {
            let row = &self.authorities.get(id)?.row;
            Some(CACertificate {
                certificate_arn: Some(self.scope.ca_certificate(id).into()),
                certificate_id: Some(id.to_string()),
                creation_date: Some(row.created),
                status: Some(row.status),
            })
        };
        let certificates = Some(places.iter().filter_map(|(_, id)| summary(id)).collect());
        Ok(Done::reply(ListCACertificatesResponse { certificates, next_marker }))
    }

    fn summary(&self, id: &CertificateId) -> Option<Certificate> {
        let row = self.certificates.get(id)?;
        Some(Certificate {
            certificate_arn: Some(self.scope.certificate(id).into()),
            certificate_id: Some(id.to_string()),
            certificate_mode: Some(row.mode),
            creation_date: Some(row.created),
            status: Some(row.status),
        })
    }
}

/// A page of a list of names, in the order of the alphabet where `ascending`, else against it; and the token that leads on.
/// Such lists are short: all of the names are looked at.
pub(super) fn names<'n>(
    operation: &'static str,
    names: impl DoubleEndedIterator<Item = &'n String>,
    ascending: bool,
    size: Option<i32>,
    token: Option<&str>,
) -> Result<(Vec<&'n String>, Option<String>), ApiError> {
    let after = token.map(|token| page::place(operation, token)).transpose()?;
    let beyond = |name: &&String| match after.as_deref() {
        None => true,
        Some(after) if ascending => name.as_str() > after,
        Some(after) => name.as_str() < after,
    };
    let limit = usize::try_from(size.unwrap_or(PAGE)).unwrap_or(1);
    let (names, next) = if ascending {
        page::cut(names.filter(beyond), limit, |name| (*name).clone())
    } else {
        page::cut(names.rev().filter(beyond), limit, |name| (*name).clone())
    };
    Ok((names, next.map(|place| page::token(operation, &place))))
}

/// What part of a list is asked for. Newest first is the default.
pub(super) struct Asked {
    operation: &'static str,
    ascending: bool,
    limit: usize,
    after: Option<Place>,
}

impl Asked {
    pub(super) fn new(
        operation: &'static str,
        ascending: Option<bool>,
        size: Option<i32>,
        marker: Option<&str>,
    ) -> Result<Self, ApiError> {
        let after = match marker {
            None => None,
            Some(marker) => {
                let place = page::place(operation, marker)?;
                let (time, id) = place.split_once(' ').unwrap_or_default();
                let time = time.parse().map_err(|_| ApiError::invalid("the marker is damaged: begin anew"))?;
                Some((Timestamp(time), CertificateId::new(id)?))
            }
        };
        let limit = usize::try_from(size.unwrap_or(PAGE)).unwrap_or(1);
        Ok(Self { operation, ascending: ascending == Some(true), limit, after })
    }

    pub(super) fn page(&self, all: &BTreeSet<Place>) -> (Vec<Place>, Option<String>) {
        let at = |(time, id): &Place| format!("{} {id}", time.millis());
        let beyond = self.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let (places, next) = if self.ascending {
            page::cut(all.range((beyond, Bound::Unbounded)).cloned(), self.limit, at)
        } else {
            page::cut(all.range((Bound::Unbounded, beyond)).rev().cloned(), self.limit, at)
        };
        (places, next.map(|place| page::token(self.operation, &place)))
    }
}
