//! An account's whole state over the API: `GET /_drydock/export` and `POST /_drydock/import`.

use crate::account::whole::Whole;
use crate::account::{Account, AccountError};
use crate::gateway::Gateway;
use crate::http::answer::{json, json_error, unread};
use crate::http::bodies::{self, Unread};
use crate::http::service::parameter;
use bytes::Bytes;
use drydock_store::StoreError;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::json;
use std::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};

pub(super) fn export(gateway: &Gateway, all: bool) -> Response<Bytes> {
    let text =
        if all { gateway.export_all().and_then(|all| text(&all)) } else { gateway.export().and_then(|one| text(&one)) };
    match text {
        Ok(text) => {
            let mut response = Response::new(Bytes::from(text));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => refused(&error),
    }
}

fn text(state: &impl Serialize) -> Result<Vec<u8>, AccountError> {
    serde_json::to_vec(state).map_err(|source| AccountError::Malformed { file: "the account".to_owned(), source })
}

/// Whether a request is about all accounts and regions.
pub(super) fn is_of_all<B>(request: &Request<B>) -> bool {
    parameter(request, "all").is_some_and(|all| all != "false")
}

/// The most bytes of an account's whole state: some two million things.
const MAX_IMPORT: u64 = 512 * 1024 * 1024;

/// What an import holds.
enum Given {
    One(Account),
    All(Whole),
}

/// Takes an account's state in: its body goes to a file first, and one is taken in at a time, so that it costs no memory until it
/// is whole. Where keys are configured, the signature has to be judged before: the request states the body's hash.
pub(in crate::http) async fn import(
    gateway: &Gateway,
    request: Request<Incoming>,
    proven: bool,
) -> Result<Response<Bytes>, Response<Bytes>> {
    if !proven {
        let message = "an import has to state the SHA-256 of its body in `x-amz-content-sha256`, and to sign it: the signature \
                       is judged before the body is read";
        return Err(json_error(StatusCode::BAD_REQUEST, "InvalidRequestException", message));
    }
    let Some(_place) = gateway.door.bodies.import() else {
        let message = "another import is going on: send this one again when it is over";
        return Err(json_error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException", message));
    };
    let all = is_of_all(&request);
    let replace = parameter(&request, "replace").is_some_and(|value| value == "true");
    let hash = request.headers().get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
    let hash = hash.filter(|hash| hash.len() == 64).map(str::to_ascii_lowercase);
    let file = received(gateway, request.into_body(), hash.as_deref()).await?;
    let parsed = tokio::task::spawn_blocking(move || {
        let file = std::io::BufReader::new(file);
        if all { Whole::parse_from(file).map(Given::All) } else { Account::parse_from(file).map(Given::One) }
    });
    let done = match parsed.await {
        Ok(Ok(Given::One(account))) => gateway.import(&account, replace).await,
        Ok(Ok(Given::All(all))) => gateway.import_all(&all, replace).await,
        Ok(Err(error)) => Err(error),
        Err(error) => return Err(failed(&error)),
    };
    Ok(match done {
        Ok(()) => json(StatusCode::OK, &json!({ "status": "imported" })),
        Err(error) => refused(&error),
    })
}

/// The body in a file without a name, to be read from its beginning.
async fn received(gateway: &Gateway, mut body: Incoming, hash: Option<&str>) -> Result<File, Response<Bytes>> {
    let folder = gateway.files.to_owned();
    let file = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder)).await;
    let file = file.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    let mut file = tokio::fs::File::from_std(file);
    let (mut size, mut digest) = (0_u64, aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256));
    while let Some(piece) = bodies::next(&mut body).await.map_err(|why| unread(&why))? {
        size += piece.len() as u64;
        if size > MAX_IMPORT {
            return Err(unread(&Unread::TooLarge(usize::try_from(MAX_IMPORT).unwrap_or(usize::MAX))));
        }
        digest.update(&piece);
        file.write_all(&piece).await.map_err(|error| failed(&error))?;
    }
    let found: String = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if hash.is_some_and(|hash| hash != found) {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Err(json_error(StatusCode::FORBIDDEN, "InvalidSignatureException", message));
    }
    file.rewind().await.map_err(|error| failed(&error))?;
    Ok(file.into_std().await)
}

fn failed(error: &dyn std::fmt::Display) -> Response<Bytes> {
    let message = format!("the account's state could not be received: {error}");
    json_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException", &message)
}

fn refused(error: &AccountError) -> Response<Bytes> {
    let of_one = match error {
        AccountError::One { source, .. } => source,
        other => other,
    };
    let (status, code) = match of_one {
        AccountError::Scope(error) => (error.status(), "InvalidRequestException"),
        AccountError::NotEmpty(_) => (StatusCode::CONFLICT, "ConflictException"),
        AccountError::Store(error) if !matches!(error, StoreError::Corrupt(_)) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException")
        }
        _ => (StatusCode::BAD_REQUEST, "InvalidRequestException"),
    };
    json_error(status, code, &error.to_string())
}
