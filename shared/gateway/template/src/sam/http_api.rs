//! `AWS::Serverless::HttpApi`: what SAM writes into an OpenAPI document is made of resources of API Gateway here, which come to the
//! same.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-httpapi.html>

use crate::document::{Declared, unknown};
use crate::error::{Fallible, Fault, Problem};
use crate::node::{Node, Value};
use crate::source::Span;
use std::collections::BTreeMap;

/// The type.
pub(super) const TYPE: &str = "AWS::Serverless::HttpApi";
/// The API that SAM makes for events that name none.
const IMPLICIT: &str = "ServerlessHttpApi";

/// The HTTP APIs of a template that are here, by their logical ids.
pub(super) type Apis = BTreeMap<String, Auth>;

/// Who may call the routes of an API.
#[derive(Debug, Clone, Default)]
pub(super) struct Auth {
    default: Option<String>,
    /// The authorizers by name: `JWT` or `CUSTOM`, and the scopes that routes want which say nothing of them.
    authorizers: BTreeMap<String, (&'static str, Option<Node>)>,
}

/// The logical id of the API that an event's properties name.
pub(super) fn named(properties: &Node) -> String {
    let Some(api) = properties.get("ApiId") else { return IMPLICIT.to_owned() };
    let reference = api.get("Ref").and_then(Node::as_text);
    reference.unwrap_or_default().to_owned()
}

/// Whether an event's API is here.
pub(super) fn is_here(event: &Node, apis: &Apis) -> bool {
    apis.contains_key(&event.get("Properties").map_or_else(|| IMPLICIT.to_owned(), named))
}

/// A path with `*` for its parameters.
pub(super) fn starred(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "*".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Adds the API that SAM makes for events that name none.
pub(super) fn add_implicit(resources: &mut Vec<Declared>) {
    let wants = |function: &Declared| {
        let events = function.properties.get("Events").map(Node::entries).unwrap_or_default();
        events.iter().any(|event| {
            let names_none = event.value.get("Properties").is_none_or(|properties| properties.get("ApiId").is_none());
            let left = format!("Events.{}", event.key);
            event.value.get("Type").and_then(Node::as_text) == Some("HttpApi")
                && names_none
                && !function.aws_only_parts.iter().any(|(part, _)| *part == left)
        })
    };
    let is_function = |declared: &&Declared| declared.type_ == "AWS::Serverless::Function" && !declared.aws_only;
    let Some(function) = resources.iter().filter(is_function).find(|function| wants(function)) else { return };
    if resources.iter().any(|declared| declared.logical_id == IMPLICIT) {
        return;
    }
    let span = function.span;
    let mut api = Declared::generated(IMPLICIT.to_owned(), TYPE, span, Node::map(span, []), function);
    api.condition = None;
    resources.push(api);
}

/// The APIs that are here.
pub(super) fn of(resources: &[Declared]) -> Fallible<Apis> {
    let here = resources.iter().filter(|declared| declared.type_ == TYPE && !declared.aws_only);
    here.map(|declared| Ok((declared.logical_id.clone(), Auth::read(declared)?))).collect()
}

impl Auth {
    fn read(api: &Declared) -> Fallible<Self> {
        let Some(auth) = api.properties.get("Auth") else { return Ok(Self::default()) };
        let what = format!("`Auth` of `{}`", api.logical_id);
        let known = &["Authorizers", "DefaultAuthorizer", "EnableIamAuthorizer"];
        for entry in auth.want_map(&what)? {
            if !known.contains(&entry.key.as_str()) {
                return Err(unknown(entry, &what, known));
            }
        }
        if let Some(iam) = auth.entry("EnableIamAuthorizer")
            && iam.value.boolean() != Some(false)
        {
            return Err(Fault::not_implemented(
                iam.span,
                "`EnableIamAuthorizer`",
                "routes have JWT or Lambda authorizers here",
            ));
        }
        let default = auth.get("DefaultAuthorizer").map(|node| node.want_text("`DefaultAuthorizer`")).transpose()?;
        let mut authorizers = BTreeMap::new();
        for entry in auth.get("Authorizers").map(|node| node.want_map("`Authorizers`")).transpose()?.unwrap_or_default()
        {
            let kind = if entry.value.get("FunctionArn").is_some() { "CUSTOM" } else { "JWT" };
            authorizers.insert(entry.key.clone(), (kind, entry.value.get("AuthorizationScopes").cloned()));
        }
        Ok(Self { default, authorizers })
    }

    /// Says in a route who may call it.
    pub(super) fn authorize(&self, api: &str, event: Option<&Node>, span: Span, route: &mut Node) -> Fallible<()> {
        let known = &["AuthorizationScopes", "Authorizer"];
        for entry in event.map(|node| node.want_map("`Auth` of an event")).transpose()?.unwrap_or_default() {
            if !known.contains(&entry.key.as_str()) {
                return Err(unknown(entry, "`Auth` of an event", known));
            }
        }
        let named = event.and_then(|event| event.get("Authorizer"));
        let named = named.map(|node| node.want_text("`Authorizer`")).transpose()?.or_else(|| self.default.clone());
        let Some(name) = named.filter(|name| name != "NONE") else { return Ok(()) };
        let Some((kind, scopes)) = self.authorizers.get(&name) else {
            let why = format!("names `{name}`, which is not an authorizer of `{api}`");
            return Err(Fault::value(span, "`Authorizer`", why));
        };
        route.set("AuthorizationType", Node::text(span, *kind));
        route.set("AuthorizerId", Node::reference(span, &authorizer_id(api, &name)));
        let own = event.and_then(|event| event.get("AuthorizationScopes"));
        if let Some(scopes) = own.or(scopes.as_ref()) {
            route.set("AuthorizationScopes", scopes.clone());
        }
        Ok(())
    }
}

fn authorizer_id(api: &str, name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{api}{name}Authorizer")
}

const PROPERTIES: &[&str] = &[
    "AccessLogSettings",
    "Auth",
    "CorsConfiguration",
    "DefaultRouteSettings",
    "DefinitionBody",
    "DefinitionUri",
    "Description",
    "DisableExecuteApiEndpoint",
    "Domain",
    "FailOnWarnings",
    "Name",
    "PropagateTags",
    "RouteSettings",
    "StageName",
    "StageVariables",
    "Tags",
];

/// Makes an API of API Gateway of it, with its stage and its authorizers.
pub(super) fn expand(api: &mut Declared) -> Fallible<Vec<Declared>> {
    let what = format!("`{}` ({TYPE})", api.logical_id);
    for entry in api.properties.entries() {
        match entry.key.as_str() {
            "DefinitionBody" | "DefinitionUri" => {
                let why = "an API is made of its routes here: write them as events of functions";
                return Err(Fault::not_implemented(entry.span, format!("`{}` of {what}", entry.key), why));
            }
            "Domain" => {
                let why =
                    "the API is reached by this gateway's address: name `Domain` under `AwsOnly` in its `Metadata`";
                return Err(Fault::not_implemented(entry.span, format!("`Domain` of {what}"), why));
            }
            key if PROPERTIES.contains(&key) => {}
            _ => return Err(unknown(entry, &what, PROPERTIES)),
        }
    }
    let span = api.span;
    let given = std::mem::replace(&mut api.properties, Node::map(span, [("ProtocolType", Node::text(span, "HTTP"))]));
    api.type_ = "AWS::ApiGatewayV2::Api".to_owned();
    let stack = Node::reference(span, "AWS::StackName");
    api.properties.set("Name", given.get("Name").cloned().unwrap_or(stack));
    for name in ["Description", "DisableExecuteApiEndpoint", "Tags"] {
        if let Some(value) = given.get(name) {
            api.properties.set(name, value.clone());
        }
    }
    if let Some(cors) = given.get("CorsConfiguration") {
        match cors.boolean() {
            Some(true) => {
                let all = Node::list(span, vec![Node::text(span, "*")]);
                api.properties.set("CorsConfiguration", Node::map(span, [("AllowOrigins", all)]));
            }
            Some(false) => {}
            None => api.properties.set("CorsConfiguration", cors.clone()),
        }
    }
    let mut generated = vec![stage(api, &given)];
    let auth = given.get("Auth").and_then(|auth| auth.get("Authorizers"));
    for entry in auth.map(Node::entries).unwrap_or_default() {
        generated.extend(authorizer(api, &entry.key, &entry.value)?);
    }
    Ok(generated)
}

fn stage(api: &Declared, given: &Node) -> Declared {
    let span = api.span;
    let name = given.get("StageName").cloned().unwrap_or_else(|| Node::text(span, "$default"));
    let id = match name.as_text() {
        Some(name) if name != "$default" => format!("{}{name}Stage", api.logical_id),
        _ => format!("{}ApiGatewayDefaultStage", api.logical_id),
    };
    let mut stage = Node::map(
        span,
        [
            ("ApiId", Node::reference(span, &api.logical_id)),
            ("StageName", name),
            ("AutoDeploy", Node::bool(span, true)),
        ],
    );
    for name in ["AccessLogSettings", "DefaultRouteSettings", "RouteSettings", "StageVariables", "Tags"] {
        if let Some(value) = given.get(name) {
            stage.set(name, value.clone());
        }
    }
    Declared::generated(id, "AWS::ApiGatewayV2::Stage", span, stage, api)
}

/// An authorizer, and the permission to invoke its function where SAM makes one.
fn authorizer(api: &Declared, name: &str, given: &Node) -> Fallible<Vec<Declared>> {
    let span = given.span;
    let what = format!("authorizer `{name}` of `{}`", api.logical_id);
    let of_function = given.get("FunctionArn");
    let known: &[&'static str] = match of_function {
        Some(_) => &[
            "AuthorizationScopes",
            "AuthorizerPayloadFormatVersion",
            "EnableFunctionDefaultPermissions",
            "EnableSimpleResponses",
            "FunctionArn",
            "FunctionInvokeRole",
            "Identity",
        ],
        None => &["AuthorizationScopes", "IdentitySource", "JwtConfiguration"],
    };
    for entry in given.want_map(&what)? {
        if !known.contains(&entry.key.as_str()) {
            return Err(unknown(entry, &what, known));
        }
    }
    let mut made =
        Node::map(span, [("ApiId", Node::reference(span, &api.logical_id)), ("Name", Node::text(span, name))]);
    let id = authorizer_id(&api.logical_id, name);
    let mut generated = Vec::new();
    if let Some(function) = of_function {
        made.set("AuthorizerType", Node::text(span, "REQUEST"));
        made.set("AuthorizerUri", function.clone());
        for name in ["AuthorizerPayloadFormatVersion", "EnableSimpleResponses"] {
            if let Some(value) = given.get(name) {
                made.set(name, value.clone());
            }
        }
        if let Some(role) = given.get("FunctionInvokeRole") {
            made.set("AuthorizerCredentialsArn", role.clone());
        }
        made.set("IdentitySource", Node::list(span, identity(given.get("Identity"))?));
        if given.get("EnableFunctionDefaultPermissions").and_then(Node::boolean) == Some(true) {
            let arn = format!(
                "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{}}}/authorizers/*",
                api.logical_id
            );
            let permission = Node::map(
                span,
                [
                    ("Action", Node::text(span, "lambda:InvokeFunction")),
                    ("FunctionName", function.clone()),
                    ("Principal", Node::text(span, "apigateway.amazonaws.com")),
                    ("SourceArn", Node::map(span, [("Fn::Sub", Node::text(span, arn))])),
                ],
            );
            let permission_id = format!("{id}Permission");
            generated.push(Declared::generated(permission_id, "AWS::Lambda::Permission", span, permission, api));
        }
    } else {
        made.set("AuthorizerType", Node::text(span, "JWT"));
        let missing = || Fault::new(span, Problem::Missing { of: what.clone(), name: "JwtConfiguration".to_owned() });
        let given_jwt = given.get("JwtConfiguration").ok_or_else(missing)?;
        let mut jwt = Node::map(given_jwt.span, []);
        for entry in given_jwt.want_map("`JwtConfiguration`")? {
            match entry.key.as_str() {
                "issuer" | "Issuer" => jwt.set("Issuer", entry.value.clone()),
                "audience" | "Audience" => {
                    let value = match &entry.value.value {
                        Value::List(_) => entry.value.clone(),
                        _ => Node::list(entry.value.span, vec![entry.value.clone()]),
                    };
                    jwt.set("Audience", value);
                }
                _ => return Err(unknown(entry, "`JwtConfiguration`", &["audience", "issuer"])),
            }
        }
        made.set("JwtConfiguration", jwt);
        let header = Node::text(span, "$request.header.Authorization");
        let source = given.get("IdentitySource").cloned().unwrap_or(header);
        made.set("IdentitySource", Node::list(span, vec![source]));
    }
    generated.push(Declared::generated(id, "AWS::ApiGatewayV2::Authorizer", span, made, api));
    Ok(generated)
}

/// Where a Lambda authorizer finds who asks, as API Gateway writes it.
fn identity(identity: Option<&Node>) -> Fallible<Vec<Node>> {
    let mut sources = Vec::new();
    for entry in identity.map(|node| node.want_map("`Identity`")).transpose()?.unwrap_or_default() {
        let prefix = match entry.key.as_str() {
            "Headers" => "$request.header.",
            "QueryStrings" => "$request.querystring.",
            "Context" => "$context.",
            "StageVariables" => "$stageVariables.",
            "ReauthorizeEvery" => continue,
            _ => {
                let known = &["Context", "Headers", "QueryStrings", "ReauthorizeEvery", "StageVariables"];
                return Err(unknown(entry, "`Identity`", known));
            }
        };
        for source in entry.value.want_list(&format!("`{}`", entry.key))? {
            let name = source.want_text(&format!("`{}`", entry.key))?;
            sources.push(Node::text(source.span, format!("{prefix}{name}")));
        }
    }
    Ok(sources)
}
