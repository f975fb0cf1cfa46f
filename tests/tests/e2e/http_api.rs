//! HTTP APIs of API Gateway: routes, tokens, pages, throttling, and what becomes of what functions give back.

use crate::issuer::Issuer;
use drydock_tests::bootstrap;
use drydock_tests::gateway::{Gateway, Place};
use drydock_tests::http::Answer;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};

const TEMPLATE: &str = r#"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: provided.al2023, Handler: bootstrap, CodeUri: echo, Timeout: 10}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration: {AllowOrigins: ["https://app.example"], AllowMethods: [GET, POST], AllowHeaders: [authorization], MaxAge: 60}
      RouteSettings: {"GET /few": {ThrottlingBurstLimit: 2, ThrottlingRateLimit: 0.001}}
      Auth:
        DefaultAuthorizer: people
        Authorizers:
          people: {JwtConfiguration: {issuer: "https://login.example.com", audience: [app]}}
          asked: {FunctionArn: !GetAtt Doorman.Arn, AuthorizerPayloadFormatVersion: "2.0", EnableSimpleResponses: true, EnableFunctionDefaultPermissions: true, Identity: {Headers: [X-Key]}}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Item: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: any, Path: "/items/{id}"}}
        Scoped: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: /scoped, Auth: {AuthorizationScopes: [write]}}}
        Open: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: "/open/{proxy+}", Auth: {Authorizer: NONE}}}
        First: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: post, Path: /first, PayloadFormatVersion: "1.0", Auth: {Authorizer: NONE}}}
        Few: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: /few, Auth: {Authorizer: NONE}}}
        Asked: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: /asked, Auth: {Authorizer: asked}}}
  Doorman:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: doorman}
  Broken:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: broken
      Events:
        Broken: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: /broken, Auth: {Authorizer: NONE}}}
Outputs:
  Url: {Value: !Sub "https://${Api}.execute-api.${AWS::Region}.amazonaws.com/"}
"#;

fn place(issuer: &Issuer) -> Place {
    let place = Place::new(TEMPLATE);
    issuer.write(place.path());
    fs::write(place.path().join("drydock.toml"), Issuer::settings()).unwrap();
    for (name, answer) in [
        ("echo", r#"answer="$event""#),
        (
            "doorman",
            r#"case "$event" in *sesame*) answer='{"isAuthorized":true,"context":{"who":"ali"}}';; *) answer='{"isAuthorized":false}';; esac"#,
        ),
        ("broken", r#"path=error; answer='{"errorType":"Oops","errorMessage":"no"}'"#),
    ] {
        fs::create_dir(place.path().join(name)).unwrap();
        bootstrap::write(&place.path().join(name), answer);
    }
    place
}

pub(crate) struct Api<'a> {
    gateway: &'a Gateway<'a>,
    base: String,
}

impl<'a> Api<'a> {
    /// The one API, by the path that the ready file has of it.
    pub(crate) fn of(gateway: &'a Gateway<'a>) -> Self {
        let apis = gateway.ready["httpApis"].as_object().unwrap();
        let url = apis.values().next().and_then(Value::as_str).unwrap();
        let base = url.split_once("/_aws/").map(|(_, rest)| format!("/_aws/{rest}")).unwrap();
        Self { gateway, base }
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.gateway.send(method, &format!("{}{path}", self.base), headers, body)
    }

    /// That a `GET` is answered so.
    fn is(&self, path: &str, headers: &[(&str, &str)], status: u16, body: &str) -> Answer {
        let answer = self.send("GET", path, headers, b"");
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "{path} {headers:?}\n{}", answer.head);
        answer
    }
}

const FORBIDDEN: &str = r#"{"message":"Forbidden"}"#;
const UNAUTHORIZED: &str = r#"{"message":"Unauthorized"}"#;
const NOT_FOUND: &str = r#"{"message":"Not Found"}"#;

#[test]
fn routes_lead_to_functions_and_authorizers_let_callers_in() {
    let issuer = Issuer::new();
    let place = place(&issuer);
    let gateway = place.up(&["--ephemeral"]);
    let api = Api::of(&gateway);
    place.told(&api.base);

    // Who may come in.
    let bearer = |token: &str| format!("Bearer {token}");
    let ali = bearer(&issuer.token("ali", &json!({ "scope": "read" })));
    let writer = bearer(&issuer.token("ali", &json!({ "scope": "read write" })));
    let expired = bearer(&issuer.token("ali", &json!({ "exp": 1_700_000_000 })));
    let stranger = bearer(&Issuer::new().token("ali", &json!({})));
    api.is("/items/1", &[], 401, UNAUTHORIZED);
    for bad in [&expired, &stranger, &bearer(&issuer.token("ali", &json!({ "aud": "other" }))), &bearer("a.b.c")] {
        let answer = api.is("/items/1", &[("authorization", bad)], 401, UNAUTHORIZED);
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""), "{}", answer.head);
    }
    api.is("/scoped", &[("authorization", &ali)], 403, FORBIDDEN);
    assert_eq!(api.send("GET", "/scoped", &[("authorization", &writer)], b"").status, 200);
    api.is("/asked", &[], 401, UNAUTHORIZED);
    api.is("/asked", &[("x-key", "guess")], 403, FORBIDDEN);
    let asked = api.send("GET", "/asked", &[("x-key", "sesame")], b"").ok();
    assert_eq!(asked["requestContext"]["authorizer"], json!({ "lambda": { "who": "ali" } }));
    api.is("/nowhere", &[], 404, NOT_FOUND);

    // What functions get.
    let headers = [("authorization", ali.as_str()), ("content-type", "application/json"), ("cookie", "a=1; b=2")];
    let event = api.send("PUT", "/items/a%20b?x=1&x=2&y=", &headers, b"{\"on\":true}").ok();
    let shown = json!({
        "version": event["version"], "routeKey": event["routeKey"], "rawPath": event["rawPath"], "rawQueryString": event["rawQueryString"],
        "cookies": event["cookies"], "query": event["queryStringParameters"], "path": event["pathParameters"],
        "body": event["body"], "isBase64Encoded": event["isBase64Encoded"], "stage": event["requestContext"]["stage"],
        "sub": event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"], "source": event["requestContext"]["http"]["sourceIp"],
    });
    assert_eq!(
        shown,
        json!({
            "version": "2.0", "routeKey": "ANY /items/{id}", "rawPath": "/items/a b", "rawQueryString": "x=1&x=2&y=",
            "cookies": ["a=1", "b=2"], "query": { "x": "1,2", "y": "" }, "path": { "id": "a b" },
            "body": "{\"on\":true}", "isBase64Encoded": false, "stage": "$default", "sub": "ali", "source": "127.0.0.1",
        })
    );
    let event = api.send("GET", "/open/a/b", &[], b"").ok();
    assert_eq!(event["pathParameters"], json!({ "proxy": "a/b" }));
    let binary = api.send("PUT", "/items/1", &[("authorization", &ali), ("content-type", "image/png")], b"\x89P").ok();
    assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("iVA="), &json!(true)));

    // What they may not give back, and what they do not.
    let failed = r#"{"message":"Internal Server Error"}"#;
    api.is("/broken", &[], 500, failed);
    place.told("Oops: no");
    let first = api.send("POST", "/first", &[], b"{}");
    assert_eq!((first.status, first.body.as_str()), (500, failed), "format 1.0 makes no response up");

    // How much is let through, and how large.
    let few: Vec<u16> = (0..3).map(|_| api.send("GET", "/few", &[], b"").status).collect();
    assert_eq!(few, [200, 200, 429]);
    let mut stream = gateway.tcp(gateway.api_port());
    let (path, length) = (format!("{}/first", api.base), 10 * 1024 * 1024 + 1);
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut large = String::new();
    stream.read_to_string(&mut large).unwrap();
    assert!(
        large.starts_with("HTTP/1.1 413 ") && large.ends_with(r#"{"message":"Request Entity Too Large"}"#),
        "{large}"
    );

    // What is asked of the APIs themselves.
    let listed = gateway.call("apigateway", "GET", "/v2/apis", &[], &Value::Null).ok();
    let id = listed["items"][0]["apiId"].as_str().unwrap();
    assert!(api.base.ends_with(id), "{listed}");
    let routes = gateway.call("apigateway", "GET", &format!("/v2/apis/{id}/routes"), &[], &Value::Null).ok();
    assert_eq!(routes["items"].as_array().map(Vec::len), Some(7), "{routes}");
    gateway.call("apigateway", "POST", "/v2/apis", &[], &json!({})).refused(
        501,
        "NotImplementedException",
        "POST /v2/apis",
    );
}

#[test]
fn pages_call_an_api_as_its_configuration_says_and_nothing_else() {
    let issuer = Issuer::new();
    let place = place(&issuer);
    let gateway = place.up(&["--ephemeral"]);
    let api = Api::of(&gateway);
    let page = ("origin", "https://app.example");

    let answer = api.send("GET", "/open/x", &[page], b"");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "https://app.example"));
    let answer = api.send("GET", "/items/1", &[page], b"");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, "https://app.example"));
    let asks = [page, ("access-control-request-method", "POST"), ("access-control-request-headers", "authorization")];
    let answer = api.send("OPTIONS", "/items/1", &asks, b"");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-methods"), "get,post");
    assert_eq!(answer.header("access-control-max-age"), "60");

    // Other pages may not call it, and this one nothing but it.
    assert_eq!(api.send("GET", "/open/x", &[("origin", "https://evil.example")], b"").status, 403);
    assert_eq!(api.send("GET", "/open/x", &[("sec-fetch-site", "cross-site")], b"").status, 403);
    assert_eq!(gateway.send("GET", "/things", &[page], b"").status, 403);
    assert_eq!(gateway.send("GET", "/_aws/execute-api/zzzzzzzzzz/x", &[page], b"").status, 403);
    assert_eq!(gateway.send("GET", "/_aws/execute-api/zzzzzzzzzz/x", &[], b"").status, 404);
}
