//! Custom authorizers. "TestInvokeAuthorizer" calls the Lambda function just as a connection does.

use super::{Call, operations, tagged, untagged};
use crate::authorizer::{Granted, Unanswered};
use crate::gateway::Gateway;
use drydock_core::{ApiError, ErrorCode};
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
        let answer = ask(&call.gateway, input).await?;
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
async fn ask(gateway: &Gateway, input: TestInvokeAuthorizerRequest) -> Result<Option<Granted>, ApiError> {
    let books = gateway.books();
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
    let answer = gateway.asker().ask(name, &row, input.token_signature.as_deref(), &occasion).await;
    answer.map_err(|error| match error {
        Unanswered::Token(error) => ApiError::invalid(format!("the authorizer `{name}` cannot be asked: {error}")),
        Unanswered::NotPermitted(error) => ApiError::new(ErrorCode::UnauthorizedException, error.to_string()),
        error => {
            let message = format!("the authorizer `{name}` gave no answer: {error}");
            ApiError::new(ErrorCode::InvalidResponseException, message)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorizer::tests::{call, function, permit};
    use crate::gateway::Options;
    use drydock_cloud::lambda::Definition;
    use drydock_core::Scope;
    use serde_json::{Value, json};
    use std::net::Ipv4Addr;
    use tokio::net::TcpListener;

    const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:auth";

    #[tokio::test]
    async fn an_authorizer_is_tried_out_through_its_function() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let options =
            Options { lambda_endpoint: Some(endpoint), ..Options::ephemeral(Scope::new("123456789012", "us-east-1")) };
        let (gateway, running) = Gateway::open(options).await.unwrap();
        let lambda = gateway.cloud().lambda();
        lambda.register(Definition::new("auth", "/bin/true")).unwrap();
        let create = json!({"authorizerFunctionArn": FUNCTION, "signingDisabled": true, "status": "ACTIVE"});
        assert_eq!(call(&gateway, "POST", "/authorizer/fleet", create).await.0, 200);

        let test = || call(&gateway, "POST", "/authorizer/fleet/test", json!({"mqttContext": {"clientId": "dock-7"}}));
        assert_eq!(test().await.0, 401, "the function does not let AWS IoT call it yet");
        permit(&gateway);

        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]});
        let answer = |policy: Value| {
            json!({"isAuthenticated": true, "principalId": "dock7", "policyDocuments": [policy],
                "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 600})
        };
        let good = answer(policy.clone());
        let ((status, body), event) = tokio::join!(test(), function(&listener, &good));
        let wanted = json!({"isAuthenticated": true, "principalId": "dock7", "policyDocuments": [policy.to_string()],
            "disconnectAfterInSeconds": 300, "refreshAfterInSeconds": 600});
        assert_eq!((status, body), (200, wanted));
        assert_eq!(event["protocolData"], json!({"mqtt": {"clientId": "dock-7"}}));
        assert_eq!(event["signatureVerified"], json!(false));

        let bad = answer(json!({"Statement": "nothing"}));
        assert_eq!(tokio::join!(test(), function(&listener, &bad)).0.0, 400, "a policy that is none");
        let denied = json!({"isAuthenticated": false});
        let ((status, body), _) = tokio::join!(test(), function(&listener, &denied));
        assert_eq!((status, body), (200, json!({"isAuthenticated": false})));
        gateway.stop(running).await;
    }
}
