//! A certificate provider: a function that signs what devices ask for, in AWS IoT's stead.
//!
//! Follows "Self-managed certificate signing using AWS IoT Core certificate provider". It signs for "CreateCertificateFromCsr" over
//! MQTT; what it hands back has to be a certificate for the very subject and key of the request.

use drydock_core::Arn;
use drydock_core::event::ClientIdentity;
use drydock_host::Host;
use drydock_identity::Certificate;
use drydock_identity::x509::SigningRequest;
use drydock_model::iot::CertificateProviderOperation;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// How long AWS waits for the function.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the function answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    certificate_pem: String,
}

/// The certificate that the account's provider signs; `None` where AWS IoT signs itself.
///
/// # Errors
/// Why there is no certificate.
pub(super) async fn sign(
    host: &Host,
    csr: &str,
    request: &SigningRequest,
    client: &ClientIdentity,
) -> Result<Option<Certificate>, String> {
    let found = host.books.identity.read(|identity| {
        let (name, row) = identity.certificate_provider_for(CertificateProviderOperation::CreateCertificateFromCsr)?;
        Some((identity.certificate_provider_arn(name), row.function_arn.clone()))
    });
    let Some((provider, function)) = found else { return Ok(None) };
    let source = Arn::parse(&provider).ok_or("the certificate provider has no ARN")?;
    let event = json!({
        "certificateSigningRequest": csr,
        "principalId": client.principal,
        "clientId": client.client_id,
    });
    let lambda = host.cloud.lambda();
    let invoked = lambda.invoke_from_sync("iot.amazonaws.com", &source, &function, event.to_string().into());
    let answer = match tokio::time::timeout(PATIENCE, invoked).await {
        Err(_) => return Err(format!("`{function}` took more than {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => return Err(error.to_string()),
        Ok(Ok(answer)) => answer,
    };
    if answer.function_error.is_some() {
        return Err(format!("`{function}` failed: {}", String::from_utf8_lossy(&answer.payload)));
    }
    let answer: Answer = serde_json::from_slice(&answer.payload)
        .map_err(|error| format!("`{function}` did not answer as a certificate provider does: {error}"))?;
    let certificate = Certificate::from_pem("the certificate of the certificate provider", &answer.certificate_pem)
        .map_err(|error| error.to_string())?;
    if certificate.subject() != request.subject || certificate.public_key() != request.public_key {
        return Err(format!("`{function}` signed another subject or key than the request's"));
    }
    Ok(Some(certificate))
}
