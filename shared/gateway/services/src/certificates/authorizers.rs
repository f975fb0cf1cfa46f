//! Custom authorizers. "TestInvokeAuthorizer" calls the Lambda function just as a connection does.

use crate::call::{Call, operations, tagged, untagged};
use drydock_core::{ApiError, ErrorCode};
use drydock_gate::authorizer::{Granted, Unanswered};
use drydock_identity::authorizer::Occasion;
use drydock_model::Router;
use drydock_model::iot::{TestInvokeAuthorizerRequest, TestInvokeAuthorizerResponse, ops};

pub(super) fn register(router: &mut Router<Call>) {
    operations!(router, identity:
        DescribeAuthorizer => |book, input, books| book.describe_authorizer(&input);
        UpdateAuthorizer => |book, input, books| book.update_authorizer(&input, books.now());
        ListAuthorizers => |book, input, books| book.list_authorizers(&input);
        SetDefaultAuthorizer => |book, input, books| book.set_default_authorizer(&input);
        DescribeDefaultAuthorizer => |book, input, books| book.describe_default_authorizer(&input);
        ClearDefaultAuthorizer => |book, input, books| book.clear_default_authorizer(&input);
    );
    tagged!(router, identity:
        CreateAuthorizer[authorizer_arn] => |book, input, books| book.create_authorizer(&input, books.now());
    );
    untagged!(router, identity:
        DeleteAuthorizer["authorizer/" authorizer_name] => |book, input, books| book.delete_authorizer(&input);
    );
    router.on::<ops::TestInvokeAuthorizer>(|call: Call, input| async move {
        let answer = ask(&call, input).await?;
        Ok(match answer {
            None => TestInvokeAuthorizerResponse {
                is_authenticated: Some(false),
                ..TestInvokeAuthorizerResponse::default()
            },
            Some(Granted { authorized, .. }) => TestInvokeAuthorizerResponse {
                is_authenticated: Some(true),
                principal_id: Some(authorized.principal_id),
                policy_documents: Some(authorized.policy_documents),
                disconnect_after_in_seconds: i32::try_from(authorized.disconnect_after_seconds).ok(),
                refresh_after_in_seconds: i32::try_from(authorized.refresh_after_seconds).ok(),
            },
        })
    });
}

/// Asks just as a connection does. An authorizer that is not active can be tried out, too.
async fn ask(call: &Call, input: TestInvokeAuthorizerRequest) -> Result<Option<Granted>, ApiError> {
    let books = call.books();
    let name = &input.authorizer_name;
    let row = books.identity.read(|identity| identity.known_authorizer(name).cloned())?;
    let occasion = Occasion {
        token: input.token,
        signature_verified: !row.signing_disabled,
        tls: input.tls_context,
        http: input.http_context,
        mqtt: input.mqtt_context,
        connection_id: Some(books.ids.uuid().to_string()),
        ..Occasion::default()
    };
    let answer = call.services.authorizer_client.ask(name, &row, input.token_signature.as_deref(), &occasion).await;
    answer.map_err(|error| match error {
        Unanswered::Token(error) => ApiError::invalid(format!("the authorizer `{name}` cannot be asked: {error}")),
        Unanswered::NotPermitted(error) => ApiError::new(ErrorCode::UnauthorizedException, error.to_string()),
        error => {
            let message = format!("the authorizer `{name}` gave no answer: {error}");
            ApiError::new(ErrorCode::InvalidResponseException, message)
        }
    })
}
