//! The OpenAPI 3.1 document: paths of the table of routes, schemas of the types that requests are read into and answers are made of.

use super::page::List;
use super::problem::Problem9457;
use super::resource::{
    AcceptShare, Claim, Device, DeviceChange, Home, HomeChange, Member, MemberChange, NewHome, NewRoom, NewShare, Room,
    RoomChange, Share, State, StateChange, StateRequest,
};
use super::route::{Access, Operation, ROUTES, Route};
use super::text::{DeviceId, Id, IdempotencyKey, UserId};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// The document.
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut asks = settings.clone().into_generator();
    let mut says = settings.for_serialize().into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let operation = operation(route, &mut asks, &mut says);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.to_lowercase(), operation);
        }
    }
    let problem = says.subschema_for::<Problem9457<'_>>();
    let mut schemas = asks.take_definitions(true);
    schemas.extend(says.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Fleet API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Homes, their members and their devices, for apps, voice and partners. Times are in milliseconds since \
                1970. A request with an `Idempotency-Key` is done once, whatever the number of times that it is sent within a day.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "responses": {
                "Problem": {
                    "description": "Something is not done, and why (RFC 9457)",
                    "content": {
                        "application/problem+json": { "schema": problem },
                        // What API Gateway answers itself.
                        "application/json": { "schema": {
                            "type": "object", "properties": { "message": { "type": "string" } }, "required": ["message"],
                        } },
                    },
                },
            },
        },
    })
}

/// What a request has for a body, and what it is answered with: the status and the schema.
fn bodies(operation: Operation, asks: &mut SchemaGenerator, says: &mut SchemaGenerator) -> (Value, Value) {
    fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
        generator.subschema_for::<T>().to_value()
    }
    let none = || Value::Null;
    let ok = |schema: Value| json!({ "200": schema });
    let made = |schema: Value| json!({ "201": schema });
    let gone = || json!({ "204": null });
    match operation {
        Operation::GetOpenApi => (none(), ok(json!({ "type": "object" }))),
        Operation::ListHomes => (none(), ok(of::<List<Home>>(says))),
        Operation::CreateHome => (of::<NewHome>(asks), made(of::<Home>(says))),
        Operation::GetHome => (none(), ok(of::<Home>(says))),
        Operation::UpdateHome => (of::<HomeChange>(asks), ok(of::<Home>(says))),
        Operation::ListRooms => (none(), ok(of::<List<Room>>(says))),
        Operation::CreateRoom => (of::<NewRoom>(asks), made(of::<Room>(says))),
        Operation::GetRoom => (none(), ok(of::<Room>(says))),
        Operation::UpdateRoom => (of::<RoomChange>(asks), ok(of::<Room>(says))),
        Operation::ListMembers => (none(), ok(of::<List<Member>>(says))),
        Operation::UpdateMember => (of::<MemberChange>(asks), ok(of::<Member>(says))),
        Operation::ListShares => (none(), ok(of::<List<Share>>(says))),
        Operation::CreateShare => (of::<NewShare>(asks), made(of::<Share>(says))),
        Operation::AcceptShare => (of::<AcceptShare>(asks), ok(of::<Home>(says))),
        Operation::ListDevices => (none(), ok(of::<List<Device>>(says))),
        Operation::ClaimDevice => (of::<Claim>(asks), made(of::<Device>(says))),
        Operation::GetDevice => (none(), ok(of::<Device>(says))),
        Operation::UpdateDevice => (of::<DeviceChange>(asks), ok(of::<Device>(says))),
        Operation::GetState => (none(), ok(of::<State>(says))),
        Operation::SetState => {
            let said = of::<StateRequest>(says);
            (of::<StateChange>(asks), json!({ "200": said, "202": said }))
        }
        Operation::GetStateRequest => (none(), ok(of::<StateRequest>(says))),
        Operation::DeleteHome
        | Operation::DeleteRoom
        | Operation::DeleteMember
        | Operation::LeaveHome
        | Operation::DeleteShare
        | Operation::RemoveDevice => (none(), gone()),
    }
}

fn operation(route: &Route, asks: &mut SchemaGenerator, says: &mut SchemaGenerator) -> Value {
    let (body, answers) = bodies(route.operation, asks, says);
    let mut responses: Map<String, Value> = Map::new();
    for (status, schema) in answers.as_object().into_iter().flatten() {
        let mut response = json!({ "description": described(status) });
        if !schema.is_null()
            && let Some(response) = response.as_object_mut()
        {
            response.insert("content".to_owned(), json!({ "application/json": { "schema": schema } }));
        }
        responses.insert(status.clone(), response);
    }
    if route.access != Access::Open {
        if route.method == "GET" {
            responses.insert("304".to_owned(), json!({ "description": "Nothing has changed" }));
        }
        for status in ["4XX", "5XX"] {
            responses.insert(status.to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
        }
    }
    let mut operation = json!({
        "operationId": route.name, "summary": route.summary, "parameters": parameters(route), "responses": responses,
    });
    if let Some(operation) = operation.as_object_mut() {
        if !body.is_null() {
            let content = json!({ "application/json": { "schema": body } });
            operation.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
        }
        match route.access {
            Access::Open => drop(operation.insert("security".to_owned(), json!([]))),
            Access::User => {}
            Access::Home(role) => drop(operation.insert("x-role".to_owned(), role.as_str().into())),
        }
    }
    operation
}

fn described(status: &str) -> &'static str {
    match status {
        "201" => "It is made",
        "202" => "It is asked for, and the device has not confirmed it yet: follow `Location`",
        "204" => "It is done",
        _ => "What was asked for",
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let mut all = Vec::new();
    for segment in route.path.split('/') {
        let Some(label) = segment.strip_prefix('{').and_then(|label| label.strip_suffix('}')) else { continue };
        let pattern = match label {
            "deviceId" => DeviceId::PATTERN,
            "userId" => UserId::PATTERN,
            _ => Id::PATTERN,
        };
        let schema = json!({ "type": "string", "pattern": pattern });
        all.push(json!({ "name": label, "in": "path", "required": true, "schema": schema }));
    }
    for name in route.query {
        let schema = match *name {
            "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 50 }),
            _ => json!({ "type": "string" }),
        };
        all.push(json!({ "name": name, "in": "query", "schema": schema }));
    }
    let mut header = |name: &str, schema: Value, description: &str| {
        all.push(json!({ "name": name, "in": "header", "schema": schema, "description": description }));
    };
    if route.access == Access::Open {
        return all;
    }
    if route.method == "GET" {
        header("If-None-Match", json!({ "type": "string" }), "Answers 304 where the `ETag` is still this");
    } else {
        let pattern = IdempotencyKey::PATTERN;
        header("Idempotency-Key", json!({ "type": "string", "pattern": pattern }), "Does the request once");
    }
    if matches!(route.method, "PATCH" | "DELETE") {
        header("If-Match", json!({ "type": "string" }), "Does it if the `ETag` is still this");
    }
    if route.operation == Operation::SetState {
        header("Prefer", json!({ "type": "string" }), "`wait=<seconds>`: waits for the device, 20 seconds at the most");
    }
    all
}
