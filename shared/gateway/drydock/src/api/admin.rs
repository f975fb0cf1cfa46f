//! The gateway's own paths: `GET /_drydock/health` and `POST /_drydock/reset`.

use super::http::{json, json_error};
use crate::gateway::Gateway;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::json;

/// Answers a request below `/_drydock/`.
pub async fn handle(gateway: &Gateway, request: &Request<Bytes>) -> Response<Bytes> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/_drydock/health") => json(StatusCode::OK, &gateway.health()),
        (&Method::POST, "/_drydock/reset") => match gateway.reset().await {
            Ok(()) => json(StatusCode::OK, &json!({ "status": "empty" })),
            Err(error) => json_error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalFailureException",
                &format!("reset failed: {error}"),
            ),
        },
        (_, "/_drydock/health" | "/_drydock/reset") => json_error(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowedException",
            "health answers to GET, reset to POST",
        ),
        (_, path) => json_error(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &format!("`{path}` is none of this gateway's own paths, which are /_drydock/health and /_drydock/reset"),
        ),
    }
}
