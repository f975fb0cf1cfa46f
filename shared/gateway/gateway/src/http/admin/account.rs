//! An account's whole state over the API: `GET /_drydock/export` and `POST /_drydock/import`.

use crate::account::{Account, AccountError};
use crate::gateway::Gateway;
use crate::http::answer::{json, json_error};
use crate::http::service::parameter;
use bytes::Bytes;
use drydock_store::StoreError;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::json;

pub(super) fn export(gateway: &Gateway) -> Response<Bytes> {
    let text = gateway.export().and_then(|account| {
        serde_json::to_vec(&account)
            .map_err(|source| AccountError::Malformed { file: "the account".to_owned(), source })
    });
    match text {
        Ok(text) => {
            let mut response = Response::new(Bytes::from(text));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => refused(&error),
    }
}

pub(super) async fn import(gateway: &Gateway, request: &Request<Bytes>) -> Response<Bytes> {
    let replace = parameter(request, "replace").is_some_and(|value| value == "true");
    let done = match Account::parse(request.body()) {
        Ok(account) => gateway.import(&account, replace).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => json(StatusCode::OK, &json!({ "status": "imported" })),
        Err(error) => refused(&error),
    }
}

fn refused(error: &AccountError) -> Response<Bytes> {
    let (status, code) = match error {
        AccountError::NotEmpty(_) => (StatusCode::CONFLICT, "ConflictException"),
        AccountError::Store(error) if !matches!(error, StoreError::Corrupt(_)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException")
        }
        _ => (StatusCode::BAD_REQUEST, "InvalidRequestException"),
    };
    json_error(status, code, &error.to_string())
}
