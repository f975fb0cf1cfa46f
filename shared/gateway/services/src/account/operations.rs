//! Settings of the account: which events it is told of, and how AWS encrypts what it keeps.

use crate::call::{Call, operations};
use drydock_core::ApiError;
use drydock_model::Router;
use drydock_model::iot::{
    DescribeEncryptionConfigurationResponse, EncryptionType, UpdateEncryptionConfigurationResponse, ops,
};

pub(super) fn register(router: &mut Router<Call>) {
    operations!(router, registry:
        DescribeEventConfigurations => |book, input, books| Ok(book.describe_event_configurations(&input));
        UpdateEventConfigurations => |book, input, books| book.update_event_configurations(&input, books.now());
    );
    // There is no KMS here, so an account cannot leave what every account begins with.
    router.on::<ops::DescribeEncryptionConfiguration>(|_: Call, _| async move {
        Ok(DescribeEncryptionConfigurationResponse {
            encryption_type: Some(EncryptionType::AwsOwnedKmsKey),
            ..DescribeEncryptionConfigurationResponse::default()
        })
    });
    router.on::<ops::UpdateEncryptionConfiguration>(|_: Call, input| async move {
        match input.encryption_type {
            EncryptionType::AwsOwnedKmsKey if input.kms_key_arn.is_none() && input.kms_access_role_arn.is_none() => {
                Ok(UpdateEncryptionConfigurationResponse {})
            }
            EncryptionType::AwsOwnedKmsKey => {
                Err(ApiError::invalid("`AWS_OWNED_KMS_KEY` takes neither `kmsKeyArn` nor `kmsAccessRoleArn`"))
            }
            EncryptionType::CustomerManagedKmsKey => {
                Err(ApiError::not_implemented("UpdateEncryptionConfiguration with `CUSTOMER_MANAGED_KMS_KEY`"))
            }
        }
    });
}
