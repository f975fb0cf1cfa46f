//! The operations on certificate providers: a Lambda function that signs what devices ask for in fleet provisioning, in the
//! place of AWS IoT. Follows "Self-managed certificate signing using AWS IoT Core certificate provider" of the developer guide.

use super::{Identity, PROVIDERS, json, lists};
use drydock_core::{ApiError, Arn, Done, ErrorCode, Timestamp, Write};
use drydock_model::iot::{
    CertificateProviderOperation, CertificateProviderSummary, CreateCertificateProviderRequest,
    CreateCertificateProviderResponse, DeleteCertificateProviderRequest, DeleteCertificateProviderResponse,
    DescribeCertificateProviderRequest, DescribeCertificateProviderResponse, ListCertificateProvidersRequest,
    ListCertificateProvidersResponse, UpdateCertificateProviderRequest, UpdateCertificateProviderResponse,
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, ToSmolStr as _};

/// The most certificate providers of an account and region.
const MOST: usize = 1;

/// A certificate provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRow {
    /// The Lambda function that signs.
    pub function_arn: String,
    /// The operations that it signs for, as AWS spells them.
    pub operations: Vec<SmolStr>,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
}

impl Identity {
    /// "CreateCertificateProvider".
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`; `LimitExceededException` where the account has one already;
    /// `InvalidRequestException` where the ARN is not a function's.
    pub fn create_certificate_provider(
        &mut self,
        request: &CreateCertificateProviderRequest,
        now: Timestamp,
    ) -> Result<Done<CreateCertificateProviderResponse>, ApiError> {
        let name = &request.certificate_provider_name;
        let arn = self.certificate_provider_arn(name);
        if self.providers.contains_key(name) {
            let message = format!("the certificate provider `{name}` exists already");
            return Err(ApiError::exists(message, name.clone(), arn));
        }
        if self.providers.len() >= MOST {
            let message = "the account has a certificate provider already, and may have one: delete or update it";
            return Err(ApiError::new(ErrorCode::LimitExceededException, message));
        }
        let row = ProviderRow {
            function_arn: function(&request.lambda_function_arn)?,
            operations: spelled(&request.account_default_for_operations),
            created: now,
            modified: now,
        };
        let write = self.keep_provider(name, row);
        let reply = CreateCertificateProviderResponse {
            certificate_provider_arn: Some(arn),
            certificate_provider_name: Some(name.clone()),
        };
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeCertificateProvider".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_certificate_provider(
        &self,
        request: &DescribeCertificateProviderRequest,
    ) -> Result<Done<DescribeCertificateProviderResponse>, ApiError> {
        let name = &request.certificate_provider_name;
        let row = self.known_provider(name)?;
        let operations = row.operations.iter().filter_map(|name| name.parse::<CertificateProviderOperation>().ok());
        Ok(Done::reply(DescribeCertificateProviderResponse {
            account_default_for_operations: Some(operations.collect()),
            certificate_provider_arn: Some(self.certificate_provider_arn(name)),
            certificate_provider_name: Some(name.clone()),
            creation_date: Some(row.created),
            lambda_function_arn: Some(row.function_arn.clone()),
            last_modified_date: Some(row.modified),
        }))
    }

    /// "UpdateCertificateProvider": what the request does not name stays.
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` where the ARN is not a function's.
    pub fn update_certificate_provider(
        &mut self,
        request: &UpdateCertificateProviderRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateCertificateProviderResponse>, ApiError> {
        let name = &request.certificate_provider_name;
        let mut row = self.known_provider(name)?.clone();
        if let Some(arn) = &request.lambda_function_arn {
            row.function_arn = function(arn)?;
        }
        if let Some(operations) = &request.account_default_for_operations {
            row.operations = spelled(operations);
        }
        row.modified = now;
        let write = self.keep_provider(name, row);
        let reply = UpdateCertificateProviderResponse {
            certificate_provider_arn: Some(self.certificate_provider_arn(name)),
            certificate_provider_name: Some(name.clone()),
        };
        Ok(Done::written(reply, vec![write]))
    }

    /// "DeleteCertificateProvider": AWS IoT signs again from now on.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn delete_certificate_provider(
        &mut self,
        request: &DeleteCertificateProviderRequest,
    ) -> Result<Done<DeleteCertificateProviderResponse>, ApiError> {
        let name = &request.certificate_provider_name;
        self.known_provider(name)?;
        self.providers.remove(name);
        let write = Write::delete(PROVIDERS, name.as_str());
        Ok(Done::written(DeleteCertificateProviderResponse {}, vec![write]))
    }

    /// "ListCertificateProviders", in the order of the alphabet or, by default, against it.
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation.
    pub fn list_certificate_providers(
        &self,
        request: &ListCertificateProvidersRequest,
    ) -> Result<Done<ListCertificateProvidersResponse>, ApiError> {
        let (ascending, token) = (request.ascending_order == Some(true), request.next_token.as_deref());
        let (names, next_token) =
            lists::names("ListCertificateProviders", self.providers.keys(), ascending, None, token)?;
        let summary = |name: &String| CertificateProviderSummary {
            certificate_provider_arn: Some(self.certificate_provider_arn(name)),
            certificate_provider_name: Some(name.clone()),
        };
        let certificate_providers = Some(names.into_iter().map(summary).collect());
        Ok(Done::reply(ListCertificateProvidersResponse { certificate_providers, next_token }))
    }

    /// The certificate provider that signs for an operation, with its name; `None` where AWS IoT signs itself.
    #[must_use]
    pub fn certificate_provider_for(&self, operation: CertificateProviderOperation) -> Option<(&str, &ProviderRow)> {
        let operation = operation.to_smolstr();
        let found = self.providers.iter().find(|(_, row)| row.operations.contains(&operation));
        found.map(|(name, row)| (name.as_str(), row))
    }

    /// `arn:aws:iot:REGION:ACCOUNT:certificateprovider:NAME`.
    #[must_use]
    pub fn certificate_provider_arn(&self, name: &str) -> String {
        self.scope.arn("iot", &format!("certificateprovider:{name}")).into()
    }

    /// Whether there is a certificate provider of this name.
    #[must_use]
    pub fn has_certificate_provider(&self, name: &str) -> bool {
        self.providers.contains_key(name)
    }

    fn known_provider(&self, name: &str) -> Result<&ProviderRow, ApiError> {
        self.providers.get(name).ok_or_else(|| {
            ApiError::not_found(format!("there is no certificate provider `{name}`: see ListCertificateProviders"))
        })
    }

    fn keep_provider(&mut self, name: &str, row: ProviderRow) -> Write {
        let write = Write::put(PROVIDERS, name, json(&row));
        self.providers.insert(name.to_owned(), row);
        write
    }
}

fn spelled(operations: &[CertificateProviderOperation]) -> Vec<SmolStr> {
    operations.iter().map(|operation| operation.to_smolstr()).collect()
}

fn function(arn: &str) -> Result<String, ApiError> {
    match Arn::parse(arn) {
        Some(parsed) if parsed.service() == "lambda" && parsed.resource().starts_with("function:") => {
            Ok(arn.to_owned())
        }
        _ => Err(ApiError::invalid(format!("`{arn}` is not the ARN of a Lambda function"))),
    }
}
