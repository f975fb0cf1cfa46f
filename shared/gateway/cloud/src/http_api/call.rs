//! A request from its head to its answer. Who may send it is decided on the head, before its body is read.

use super::authorizer::{self, Verdict};
use super::definition::{Authorizer, function_of};
use super::event::{self, Setting};
use super::jwt::Token;
use super::refusal::{error, refused};
use super::reply;
use super::routing::{self, Asked, Found};
use super::state::{Api, HttpApis};
use crate::lambda::LambdaError;
use crate::notice::Notice;
use crate::wire::set_header;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The most bytes of a request's body: 10 MB ("Quotas for HTTP APIs").
pub const MAX_BODY: usize = 10 * 1024 * 1024;
const PRINCIPAL: &str = "apigateway.amazonaws.com";

/// A request that was let in.
pub struct Admitted {
    api: Arc<Api>,
    asked: Asked,
    found: Found,
    authorizer: Option<Value>,
    request_id: String,
}

fn unauthorized(why: &str) -> Response<Bytes> {
    let mut response = error(StatusCode::UNAUTHORIZED, "Unauthorized");
    let said = match why {
        "" => "Bearer".to_owned(),
        why => format!("Bearer error=\"invalid_token\" error_description=\"{}\"", why.replace(['"', '\\'], "'")),
    };
    set_header(&mut response, "www-authenticate", &said);
    response
}

impl HttpApis {
    /// Lets a request in by its head.
    ///
    /// # Errors
    /// The refusal, or the answer where there is nothing to be asked of a function.
    pub async fn admit(&self, api: Arc<Api>, asked: Asked) -> Result<Admitted, Response<Bytes>> {
        let request_id = self.context.uuid();
        let cors = api.properties.cors_configuration.clone();
        if let Some(answer) = cors.as_ref().and_then(|cors| cors.preflight(&asked.method, &asked.headers)) {
            return Err(numbered(answer, &request_id));
        }
        let headers = asked.headers.clone();
        match self.let_in(api, asked, &request_id).await {
            Ok(admitted) => Ok(admitted),
            Err(mut refusal) => {
                if let Some(cors) = &cors {
                    cors.dress(&headers, refusal.headers_mut());
                }
                Err(numbered(refusal, &request_id))
            }
        }
    }

    async fn let_in(&self, api: Arc<Api>, asked: Asked, request_id: &str) -> Result<Admitted, Response<Bytes>> {
        if api.properties.disable_execute_api_endpoint {
            return Err(error(StatusCode::NOT_FOUND, "Not Found"));
        }
        let found = routing::find(&api, &asked).ok_or_else(|| error(StatusCode::NOT_FOUND, "Not Found"))?;
        if !self.throttle.admits(&api.id, &found.stage, &found.route.route_key, self.context.now()) {
            return Err(error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"));
        }
        let mut admitted = Admitted { api, asked, found, authorizer: None, request_id: request_id.to_owned() };
        if admitted.found.route.authorization_type != "NONE" {
            let id = admitted.found.route.authorizer_id.clone().unwrap_or_default();
            let Some(authorizer) = admitted.api.authorizers.get(&id).cloned() else {
                self.tell(&admitted, &id, "the route's authorizer does not exist".to_owned());
                return Err(reply::failed());
            };
            admitted.authorizer = Some(match authorizer.authorizer_type.as_str() {
                "JWT" => self.check_token(&authorizer, &admitted).await?,
                _ => self.ask_function(&id, &authorizer, &admitted).await?,
            });
        }
        Ok(admitted)
    }

    async fn check_token(&self, authorizer: &Authorizer, of: &Admitted) -> Result<Value, Response<Bytes>> {
        let Some(wanted) = authorizer.jwt_configuration.clone() else { return Err(unauthorized("")) };
        let texts = authorizer::identity(&authorizer.identity_source, &of.asked, &of.found);
        let text = texts.and_then(|texts| texts.into_iter().next()).ok_or_else(|| unauthorized(""))?;
        let token = Token::read(&text).map_err(|why| unauthorized(&why))?;
        let now = self.context.timers.machine_now();
        // What costs nothing comes first: a stranger's token of another issuer has nobody's keys read.
        token.check(&wanted, now).map_err(|why| unauthorized(&why))?;
        let key = self.keys.find(&self.context, &wanted.issuer, &token.kid).await.map_err(|why| unauthorized(&why))?;
        let place = Arc::clone(&self.checking).acquire_owned().await;
        let checked = tokio::task::spawn_blocking(move || {
            let _place = place;
            token.verify(&key).map(|()| token)
        });
        let token = match checked.await {
            Ok(checked) => checked.map_err(|why| unauthorized(&why))?,
            Err(_) => return Err(reply::failed()),
        };
        let (scopes, needed) = (token.scopes(), &of.found.route.authorization_scopes);
        if !needed.is_empty() && !needed.iter().any(|scope| scopes.contains(scope)) {
            let mut refusal = error(StatusCode::FORBIDDEN, "Forbidden");
            let said = format!("Bearer scope=\"{}\" error=\"insufficient_scope\"", needed.join(" "));
            set_header(&mut refusal, "www-authenticate", &said);
            return Err(refusal);
        }
        let scopes = if needed.is_empty() { Value::Null } else { json!(scopes) };
        Ok(json!({ "jwt": { "claims": token.shown(), "scopes": scopes } }))
    }

    async fn ask_function(&self, id: &str, authorizer: &Authorizer, of: &Admitted) -> Result<Value, Response<Bytes>> {
        let setting = self.setting(of, None);
        match authorizer::ask(self, (id, authorizer), &setting, &of.asked, &of.found).await {
            Verdict::Admitted(context) => Ok(context),
            Verdict::Anonymous => Err(error(StatusCode::UNAUTHORIZED, "Unauthorized")),
            Verdict::Denied => Err(error(StatusCode::FORBIDDEN, "Forbidden")),
            Verdict::Failed(why) => {
                self.tell(of, authorizer.authorizer_uri.as_deref().unwrap_or_default(), why);
                Err(reply::failed())
            }
        }
    }

    /// Has the function answer a request that was let in, whose body is there.
    pub async fn answer(&self, admitted: Admitted, body: Bytes) -> Response<Bytes> {
        let mut answer = self.of_function(&admitted, &body).await;
        if let Some(cors) = &admitted.api.properties.cors_configuration {
            cors.dress(&admitted.asked.headers, answer.headers_mut());
        }
        numbered(answer, &admitted.request_id)
    }

    async fn of_function(&self, of: &Admitted, body: &Bytes) -> Response<Bytes> {
        let id = of.found.route.target.as_deref().and_then(|target| target.strip_prefix("integrations/"));
        let Some(integration) = id.and_then(|id| of.api.integrations.get(id)) else {
            self.tell(of, id.unwrap_or_default(), "the route leads to no integration".to_owned());
            return reply::failed();
        };
        let mut function = function_of(&integration.integration_uri);
        for (name, value) in &of.found.stage.stage_variables {
            function = function.replace(&format!("${{stageVariables.{name}}}"), value);
        }
        let is_second = integration.payload_format_version == "2.0";
        let setting = self.setting(of, of.authorizer.clone());
        let event = match is_second {
            true => event::second(&setting, &of.asked, &of.found, body),
            false => event::first(&setting, &of.asked, &of.found, body),
        };
        let route = match of.found.route.route_key.split_once(' ') {
            Some((_, path)) => format!("{}{path}", of.asked.method),
            None => "$default".to_owned(),
        };
        let scope = &self.context.config.scope;
        let source = scope.arn("execute-api", &format!("{}/{}/{route}", of.api.id, of.found.stage.stage_name));
        let invoked = self.lambda.invoke_from_sync(PRINCIPAL, &source, &function, Bytes::from(event.to_string()));
        let within = Duration::from_millis(integration.timeout_in_millis);
        let (why, answer) = match tokio::time::timeout(within, invoked).await {
            Err(_) => {
                let why = format!("no answer within {} ms", within.as_millis());
                (why, error(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"))
            }
            Ok(Err(LambdaError::Throttled)) => {
                let why = "the function has no place free".to_owned();
                (why, error(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"))
            }
            Ok(Err(why @ LambdaError::TooLarge { .. })) => (why.to_string(), refused(StatusCode::PAYLOAD_TOO_LARGE)),
            Ok(Err(why)) => (why.to_string(), reply::failed()),
            Ok(Ok(invoked)) => match invoked.error_text() {
                Some(why) => (why, reply::failed()),
                None => match reply::read(&invoked.payload, is_second) {
                    Ok(answer) => return answer,
                    Err(why) => (why, reply::failed()),
                },
            },
        };
        self.tell(of, &function, why);
        answer
    }

    fn setting<'a>(&'a self, of: &'a Admitted, authorizer: Option<Value>) -> Setting<'a> {
        let (scope, at) = (&self.context.config.scope, self.context.now());
        Setting { api: &of.api.id, scope, request_id: &of.request_id, at, authorizer }
    }

    /// Tells those who watch why a caller gets no answer: the caller is not told.
    fn tell(&self, of: &Admitted, to: &str, why: String) {
        let from = format!("{} of HTTP API {}", of.found.route.route_key, of.api.id);
        self.context.tell(Notice::DeliveryFailed { from, to: to.to_owned(), why });
    }
}

fn numbered(mut answer: Response<Bytes>, request_id: &str) -> Response<Bytes> {
    set_header(&mut answer, "apigw-requestid", request_id);
    answer
}
