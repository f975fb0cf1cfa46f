//! Transfers. Source: "Transfer a certificate to another account" of the developer guide, and the pages of the operations.

use crate::support::{Account, Ca, NOW};
use drydock_core::{ApiError, Event};
use drydock_identity::book::certificates::Attached;
use drydock_model::iot::{
    AcceptCertificateTransferRequest, CancelCertificateTransferRequest, CertificateDescription, CertificateStatus,
    DescribeCertificateRequest, ListOutgoingCertificatesRequest, RegisterCertificateWithoutCARequest,
    RejectCertificateTransferRequest, TransferCertificateRequest, TransferData,
};

const HERE: &str = "123456789012";
const THERE: &str = "210987654321";

fn certificate(account: &mut Account, name: &str) -> String {
    let request = RegisterCertificateWithoutCARequest {
        certificate_pem: Ca::root("Any CA").device(name, |_| {}).pem(),
        status: None,
    };
    let done = account.book.register_certificate_without_ca(&request, NOW, &account.ids).unwrap();
    account.take(done).certificate_id.unwrap()
}

fn transfer(account: &mut Account, id: &str, to: &str, attached: Attached) -> Result<String, ApiError> {
    let request = TransferCertificateRequest {
        certificate_id: id.into(),
        target_aws_account: to.into(),
        transfer_message: Some("for the harbour".into()),
    };
    let done = account.book.transfer_certificate(&request, attached, NOW.plus_millis(1000))?;
    let reply = account.take(done);
    account.restart();
    Ok(reply.transferred_certificate_arn.unwrap())
}

fn accept(account: &mut Account, id: &str, set_as_active: Option<bool>) -> Result<(), ApiError> {
    let request = AcceptCertificateTransferRequest { certificate_id: id.into(), set_as_active };
    let done = account.book.accept_certificate_transfer(&request, NOW.plus_millis(2000))?;
    account.take(done);
    account.restart();
    Ok(())
}

fn reject(account: &mut Account, id: &str) -> Result<(), ApiError> {
    let reject_reason = Some("not ours".into());
    let request = RejectCertificateTransferRequest { certificate_id: id.into(), reject_reason };
    let done = account.book.reject_certificate_transfer(&request, NOW.plus_millis(2000))?;
    account.take(done);
    account.restart();
    Ok(())
}

fn cancel(account: &mut Account, id: &str) -> Result<(), ApiError> {
    let request = CancelCertificateTransferRequest { certificate_id: id.into() };
    let done = account.book.cancel_certificate_transfer(&request, NOW.plus_millis(2000))?;
    account.take(done);
    account.restart();
    Ok(())
}

fn describe(account: &Account, id: &str) -> CertificateDescription {
    let request = DescribeCertificateRequest { certificate_id: id.into() };
    account.book.describe_certificate(&request).unwrap().reply.certificate_description.unwrap()
}

fn outgoing(account: &Account) -> Vec<String> {
    let listed = account.book.list_outgoing_certificates(&ListOutgoingCertificatesRequest::default()).unwrap().reply;
    listed.outgoing_certificates.unwrap().into_iter().filter_map(|one| one.certificate_id).collect()
}

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> &'static str {
    result.unwrap_err().code.as_str()
}

#[test]
fn a_certificate_that_goes_to_another_account_waits_and_can_be_taken_back() {
    let mut account = Account::new();
    let id = certificate(&mut account, "dock-1");
    let arn = transfer(&mut account, &id, THERE, Attached::default()).unwrap();
    assert_eq!(arn, format!("arn:aws:iot:us-east-1:{THERE}:cert/{id}"));
    let described = describe(&account, &id);
    assert_eq!(described.status, Some(CertificateStatus::PendingTransfer));
    let data = described.transfer_data.unwrap();
    assert_eq!((data.transfer_date, data.accept_date), (Some(NOW.plus_millis(1000)), None));
    assert_eq!(data.transfer_message.as_deref(), Some("for the harbour"));
    let request = ListOutgoingCertificatesRequest::default();
    let listed = account.book.list_outgoing_certificates(&request).unwrap().reply.outgoing_certificates.unwrap();
    assert_eq!(listed.first().unwrap().transferred_to.as_deref(), Some(THERE));
    assert_eq!(listed.first().unwrap().creation_date, Some(NOW));
    assert_eq!(listed.first().unwrap().certificate_arn.as_deref(), Some(arn.as_str()), "that of the other account");

    // The other account's calls are not this one's to make.
    assert_eq!(code(accept(&mut account, &id, None)), "ResourceNotFoundException");
    assert_eq!(code(reject(&mut account, &id)), "ResourceNotFoundException");
    assert_eq!(code(account.set(&id, "ACTIVE")), "CertificateStateException");
    assert_eq!(code(transfer(&mut account, &id, THERE, Attached::default())), "CertificateStateException");

    cancel(&mut account, &id).unwrap();
    let described = describe(&account, &id);
    assert_eq!(
        (described.status, described.transfer_data),
        (Some(CertificateStatus::Inactive), Some(TransferData::default()))
    );
    assert!(outgoing(&account).is_empty());
    assert_eq!(code(cancel(&mut account, &id)), "InvalidRequestException");
}

#[test]
fn both_ends_of_a_transfer_to_the_account_itself_can_be_played() {
    let mut account = Account::new();
    let (first, second) = (certificate(&mut account, "dock-1"), certificate(&mut account, "dock-2"));
    transfer(&mut account, &first, HERE, Attached::default()).unwrap();
    transfer(&mut account, &second, HERE, Attached::default()).unwrap();
    assert_eq!(outgoing(&account).len(), 2);

    accept(&mut account, &first, Some(true)).unwrap();
    let described = describe(&account, &first);
    assert_eq!(described.status, Some(CertificateStatus::Active));
    assert_eq!((described.owned_by.as_deref(), described.previous_owned_by.as_deref()), (Some(HERE), Some(HERE)));
    assert_eq!(described.transfer_data.unwrap().accept_date, Some(NOW.plus_millis(2000)));
    let activated = |event: &&Event| matches!(event, Event::CertificateStatusChanged { active: true, .. });
    assert_eq!(account.events.iter().filter(activated).count(), 1);

    reject(&mut account, &second).unwrap();
    let described = describe(&account, &second);
    assert_eq!(described.status, Some(CertificateStatus::Inactive));
    let data = described.transfer_data.unwrap();
    assert_eq!((data.reject_date, data.reject_reason.as_deref()), (Some(NOW.plus_millis(2000)), Some("not ours")));
    assert!(outgoing(&account).is_empty());

    for id in [&first, &second] {
        assert_eq!(code(accept(&mut account, id, None)), "TransferAlreadyCompletedException");
        assert_eq!(code(reject(&mut account, id)), "TransferAlreadyCompletedException");
        assert_eq!(code(cancel(&mut account, id)), "TransferAlreadyCompletedException");
    }
}

#[test]
fn what_stands_against_a_transfer_is_said() {
    let mut account = Account::new();
    let id = certificate(&mut account, "dock-1");
    let attached = |policies, things| Attached { policies, things };
    assert_eq!(code(transfer(&mut account, &id, THERE, attached(1, 0))), "TransferConflictException");
    assert_eq!(code(transfer(&mut account, &id, THERE, attached(0, 1))), "TransferConflictException");
    assert_eq!(code(accept(&mut account, &id, None)), "ResourceNotFoundException");
    let unknown = "0".repeat(64);
    assert_eq!(code(transfer(&mut account, &unknown, THERE, attached(0, 0))), "ResourceNotFoundException");
    assert_eq!(code(cancel(&mut account, &unknown)), "ResourceNotFoundException");
    for status in ["ACTIVE", "REVOKED"] {
        account.set(&id, status).unwrap();
        assert_eq!(code(transfer(&mut account, &id, THERE, attached(0, 0))), "CertificateStateException", "{status}");
    }
}
