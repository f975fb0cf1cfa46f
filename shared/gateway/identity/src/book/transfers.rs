//! Certificates on their way from one account to another. Follows "Transfer a certificate to another account" of the AWS IoT
//! Core developer guide and the pages of the five operations in the API reference.
//!
//! An account knows itself alone. A certificate that it offers to another one waits for ever, and can be taken back; one that
//! it offers to itself it can also accept and reject, so that both ends of a transfer can be tried.

use super::lists::Asked;
use super::row::CertificateRow;
use super::{Identity, certificates::Attached};
use drydock_core::{ApiError, CertificateId, Done, ErrorCode, Event, Timestamp};
use drydock_model::iot::{
    AcceptCertificateTransferRequest, CancelCertificateTransferRequest, CertificateStatus,
    ListOutgoingCertificatesRequest, ListOutgoingCertificatesResponse, OutgoingCertificate,
    RejectCertificateTransferRequest, TransferCertificateRequest, TransferCertificateResponse, TransferData,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A transfer: offered, accepted or rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferRow {
    /// The account that it is offered to.
    pub to: SmolStr,
    /// What the owner says to that account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was offered.
    pub offered: Timestamp,
    /// When it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Timestamp>,
    /// When it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Timestamp>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_reason: Option<String>,
}

impl From<&TransferRow> for TransferData {
    fn from(row: &TransferRow) -> Self {
        Self {
            accept_date: row.accepted,
            reject_date: row.rejected,
            reject_reason: row.reject_reason.clone(),
            transfer_date: Some(row.offered),
            transfer_message: row.message.clone(),
        }
    }
}

impl Identity {
    /// "TransferCertificate": offers an inactive certificate to an account. The answer has the ARN that it would have there.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `CertificateStateException` where it is not inactive; `TransferConflictException` where
    /// policies or things are attached to it.
    pub fn transfer_certificate(
        &mut self,
        request: &TransferCertificateRequest,
        attached: Attached,
        now: Timestamp,
    ) -> Result<Done<TransferCertificateResponse>, ApiError> {
        let (id, row) = self.known(&request.certificate_id)?;
        if row.status != CertificateStatus::Inactive {
            let message = format!("the certificate `{id}` is {}: only an INACTIVE one can be transferred", row.status);
            return Err(ApiError::new(ErrorCode::CertificateStateException, message));
        }
        if attached.policies > 0 || attached.things > 0 {
            let message = format!(
                "the certificate `{id}` has {} policies and {} things attached: detach them first",
                attached.policies, attached.things
            );
            return Err(ApiError::new(ErrorCode::TransferConflictException, message));
        }
        let (id, mut row) = (id.clone(), row.clone());
        let to = SmolStr::new(&request.target_aws_account);
        let there = drydock_core::Scope::new(to.clone(), self.scope.region.clone());
        row.status = CertificateStatus::PendingTransfer;
        row.transfer = Some(TransferRow {
            to,
            message: request.transfer_message.clone(),
            offered: now,
            accepted: None,
            rejected: None,
            reject_reason: None,
        });
        let arn = there.certificate(&id).into();
        Ok(self.changed(id, row, now).map(|()| TransferCertificateResponse { transferred_certificate_arn: Some(arn) }))
    }

    /// "AcceptCertificateTransfer": the certificate belongs to this account from now on, inactive where the request does not say
    /// otherwise.
    ///
    /// # Errors
    /// `ResourceNotFoundException` where it was not offered to this account; `TransferAlreadyCompletedException` where it was,
    /// and is no more.
    pub fn accept_certificate_transfer(
        &mut self,
        request: &AcceptCertificateTransferRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let (id, mut row, transfer) = self.offered(&request.certificate_id)?;
        row.transfer = Some(TransferRow { accepted: Some(now), ..transfer });
        row.previous_owner = Some(self.scope.account.clone());
        row.status = match request.set_as_active {
            Some(true) => CertificateStatus::Active,
            _ => CertificateStatus::Inactive,
        };
        Ok(self.changed(id, row, now))
    }

    /// "RejectCertificateTransfer": the certificate goes back to its owner, inactive.
    ///
    /// # Errors
    /// As "AcceptCertificateTransfer".
    pub fn reject_certificate_transfer(
        &mut self,
        request: &RejectCertificateTransferRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let (id, mut row, transfer) = self.offered(&request.certificate_id)?;
        let reject_reason = request.reject_reason.clone();
        row.transfer = Some(TransferRow { rejected: Some(now), reject_reason, ..transfer });
        row.status = CertificateStatus::Inactive;
        Ok(self.changed(id, row, now))
    }

    /// "CancelCertificateTransfer": the owner takes the offer back; the certificate is inactive then.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `TransferAlreadyCompletedException` where the transfer was accepted or rejected;
    /// `InvalidRequestException` where there was none.
    pub fn cancel_certificate_transfer(
        &mut self,
        request: &CancelCertificateTransferRequest,
        now: Timestamp,
    ) -> Result<Done<()>, ApiError> {
        let (id, row) = self.known(&request.certificate_id)?;
        match (&row.transfer, row.status) {
            (Some(_), CertificateStatus::PendingTransfer) => {}
            (Some(_), _) => return Err(completed(id)),
            (None, _) => return Err(ApiError::invalid(format!("the certificate `{id}` is not being transferred"))),
        }
        let (id, mut row) = (id.clone(), row.clone());
        row.transfer = None;
        row.status = CertificateStatus::Inactive;
        Ok(self.changed(id, row, now))
    }

    /// "ListOutgoingCertificates": those that are offered and not yet accepted, by the date of their creation.
    ///
    /// # Errors
    /// `InvalidRequestException` where the marker is not one of this operation.
    pub fn list_outgoing_certificates(
        &self,
        request: &ListOutgoingCertificatesRequest,
    ) -> Result<Done<ListOutgoingCertificatesResponse>, ApiError> {
        let (ascending, size) = (request.ascending_order, request.page_size);
        let asked = Asked::new("ListOutgoingCertificates", ascending, size, request.marker.as_deref())?;
        let (places, next_marker) = asked.page(&self.outgoing);
        let outgoing = |id: &CertificateId| {
            let row = self.certificates.get(id)?;
            let transfer = row.transfer.as_ref()?;
            let there = drydock_core::Scope::new(transfer.to.clone(), self.scope.region.clone());
            Some(OutgoingCertificate {
                // As AWS's examples show it: that of the account which it is offered to.
                certificate_arn: Some(there.certificate(id).into()),
                certificate_id: Some(id.to_string()),
                creation_date: Some(row.created),
                transfer_date: Some(transfer.offered),
                transfer_message: transfer.message.clone(),
                transferred_to: Some(transfer.to.to_string()),
            })
        };
        let outgoing_certificates = Some(places.iter().filter_map(|(_, id)| outgoing(id)).collect());
        Ok(Done::reply(ListOutgoingCertificatesResponse { next_marker, outgoing_certificates }))
    }

    /// A certificate that is offered to this account.
    fn offered(&self, id: &str) -> Result<(CertificateId, CertificateRow, TransferRow), ApiError> {
        let (id, row) = self.known(id)?;
        let transfer = row.transfer.as_ref().filter(|transfer| transfer.to == self.scope.account).ok_or_else(|| {
            let here = &self.scope.account;
            ApiError::not_found(format!("the certificate `{id}` was not offered to the account {here}"))
        })?;
        if row.status != CertificateStatus::PendingTransfer {
            return Err(completed(id));
        }
        Ok((id.clone(), row.clone(), transfer.clone()))
    }

    fn changed(&mut self, id: CertificateId, mut row: CertificateRow, now: Timestamp) -> Done<()> {
        row.touch(now);
        let active = row.is_active();
        let write = self.keep(id.clone(), row);
        Done::written((), vec![write]).with(Event::CertificateStatusChanged { certificate_id: id, active })
    }
}

fn completed(id: &CertificateId) -> ApiError {
    let message = format!("the transfer of the certificate `{id}` is complete: it was accepted or rejected");
    ApiError::new(ErrorCode::TransferAlreadyCompletedException, message)
}
