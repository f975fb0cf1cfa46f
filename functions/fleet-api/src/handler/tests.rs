//! Requests and what they are answered with.

use super::*;
use fleet::conditional::Value as Attribute;
use fleet::fakes::{Faults, Shadows, Table};
use fleet::homes::http::{Authorizer, Jwt};
use fleet::homes::possession::{TRIES_PER_SERIAL, written};
use fleet::homes::route::ROUTES;
use fleet::homes::state::Presence;
use fleet::homes::text::user_id;
use fleet::interleavings::START;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// A home's id, by a letter.
pub(super) fn key(home: char) -> String {
    home.to_string().repeat(20)
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) homes: Table,
    pub(super) shadows: Shadows,
}

pub(super) struct Fakes;

impl Outside for Fakes {
    type Homes = Table;
    type Shadows = Shadows;
    type Presence = Shadows;
    type Rest = Shadows;
}

impl World {
    pub(super) fn with(faults: &Faults, obeys: bool) -> Self {
        let presence = BTreeMap::from([("pump-1".to_owned(), Presence { connected: true, since: 7 })]);
        Self { homes: Table::new(faults), shadows: Shadows::new(faults, obeys, presence) }
    }

    pub(super) fn ports(&self) -> Ports<'_, Fakes> {
        Ports { homes: &self.homes, shadows: &self.shadows, presence: &self.shadows, rest: &self.shadows }
    }

    fn row(&self, partition: &str, sort: &str, attributes: &[(&str, Attribute)]) {
        let keys: [(&str, Attribute); 2] = [("pk", partition.into()), ("sk", sort.into())];
        let all = keys.iter().chain(attributes).map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.homes.put(&format!("{partition}|{sort}"), fleet::conditional::Item(all.collect()));
    }

    /// A home with members.
    pub(super) fn home(&self, home: char, members: &[(&str, &str)]) {
        let (id, partition) = (key(home), format!("home#{}", key(home)));
        let owners = members.iter().filter(|(_, role)| *role == "owner").count();
        let number = |count: usize| Attribute::Number(i64::try_from(count).unwrap());
        self.row(
            &partition,
            "home",
            &[
                ("homeId", id.as_str().into()),
                ("name", "Home".into()),
                ("version", Attribute::Number(1)),
                ("createdAt", Attribute::Number(1)),
                ("owners", number(owners)),
                ("members", number(members.len())),
                ("rooms", Attribute::Number(0)),
                ("devices", Attribute::Number(0)),
                ("shares", Attribute::Number(0)),
            ],
        );
        for (subject, role) in members {
            let user = user_id(subject);
            let attributes = [
                ("userId", user.as_str().into()),
                ("role", (*role).into()),
                ("version", Attribute::Number(1)),
                ("createdAt", Attribute::Number(1)),
            ];
            self.row(&partition, &format!("member#{user}"), &attributes);
            self.row(&format!("user#{user}"), &format!("home#{id}"), &[("homeId", id.as_str().into())]);
        }
    }

    /// A device that was made, with its code.
    pub(super) fn device(&self, serial_number: &str, thing_name: &str, code: &str) {
        let mut row = None;
        written(serial_number, thing_name, code, b"12345678", NonZeroU32::MIN).apply(&mut row);
        self.homes.put(&format!("serial#{serial_number}|code"), row.unwrap());
    }

    fn ask(&self, at: u8, asked: &Request) -> Reply {
        let moment = Moment { now: START + i64::from(at), chance: [at; 40] };
        let ports = self.ports();
        let mut answer = pin!(serve(&ports, asked, &moment));
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(reply) => reply,
            Poll::Pending => panic!("a fake waits for nothing"),
        }
    }

    /// That it is answered so; the body.
    fn is(&self, at: u8, asked: &Request, status: u16) -> Value {
        let reply = self.ask(at, asked);
        assert_eq!(reply.status_code, status, "{asked:?}\n{reply:?}");
        serde_json::from_str(&reply.body).unwrap_or_default()
    }
}

/// A request of a user; nobody's where the name is empty.
pub(super) fn request(subject: &str, method: &str, path: &str, body: Option<&Value>) -> Request {
    let mut request = Request { raw_path: path.to_owned(), body: body.map(Value::to_string), ..Request::default() };
    method.clone_into(&mut request.request_context.http.method);
    if body.is_some() {
        request.headers.insert("content-type".to_owned(), "application/json".to_owned());
    }
    if !subject.is_empty() {
        let claims = BTreeMap::from([("sub".to_owned(), json!(subject))]);
        request.request_context.authorizer = Some(Authorizer { jwt: Some(Jwt { claims }) });
    }
    request
}

fn kind(body: &Value) -> &str {
    body["type"].as_str().unwrap_or_default().trim_start_matches("urn:drydock:problem:")
}

#[test]
fn no_route_is_taken_without_its_check() {
    let world = World::with(&Faults::default(), false);
    world.home('a', &[("owner", "owner"), ("member", "member"), ("guest", "guest")]);
    let user = user_id("guest");
    for route in ROUTES {
        let path = route.path.replace("{homeId}", &key('a')).replace("{userId}", user.as_str());
        let path = path.replace("{deviceId}", "pump-1").replace("{roomId}", &key('c'));
        let path = path.replace("{shareId}", &key('c')).replace("{changeId}", &key('c'));
        // What is not read before the check does not tell anything either: the body is wrong.
        let ask = |subject| world.ask(1, &request(subject, route.method, &path, Some(&json!({ "wrong": 1 }))));
        let status = |subject| ask(subject).status_code;
        match route.access {
            Access::Open => assert_eq!(status(""), 200, "{}", route.name),
            Access::User => assert_eq!(status(""), 401, "{}", route.name),
            Access::Home(role) => {
                assert_eq!(status(""), 401, "{}", route.name);
                assert_eq!(status("stranger"), 404, "{}", route.name);
                for subject in ["guest", "member", "owner"] {
                    if fleet::homes::role::Role::read(subject).unwrap() < role {
                        assert_eq!(status(subject), 403, "{} {subject}", route.name);
                    }
                }
            }
        }
    }
}

#[test]
fn homes_rooms_and_members() {
    let world = World::with(&Faults::default(), false);
    let made =
        world.is(0xa1, &request("ali", "POST", "/homes", Some(&json!({ "name": "Hütte", "yourName": "Ali" }))), 201);
    let home = format!("/homes/{}", made["homeId"].as_str().unwrap());
    assert_eq!(made["role"], "owner");
    assert_eq!(world.is(2, &request("ali", "GET", "/homes", None), 200)["items"], json!([made]));
    assert_eq!(world.is(2, &request("bob", "GET", "/homes", None), 200)["items"], json!([]));

    // Versions.
    let rename = |tag: &str, name: &str| {
        let mut asked = request("ali", "PATCH", &home, Some(&json!({ "name": name })));
        asked.headers.insert("if-match".to_owned(), tag.to_owned());
        asked
    };
    let renamed = world.ask(3, &rename("\"1.owner\"", "Haus"));
    assert_eq!((renamed.status_code, renamed.headers["etag"].as_str()), (200, "\"2.owner\""));
    assert_eq!(kind(&world.is(3, &rename("\"1.owner\"", "Hof"), 412)), "precondition-failed");
    let mut again = request("ali", "GET", &home, None);
    again.headers.insert("if-none-match".to_owned(), "\"2.owner\"".to_owned());
    world.is(3, &again, 304);

    // Rooms, a page at a time.
    let rooms = format!("{home}/rooms");
    for at in [4, 5, 6] {
        world.is(at, &request("ali", "POST", &rooms, Some(&json!({ "name": format!("Room {at}") }))), 201);
    }
    let page = |cursor: Option<&str>| {
        let mut asked = request("ali", "GET", &rooms, None);
        asked.query_string_parameters.insert("limit".to_owned(), "2".to_owned());
        asked.query_string_parameters.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor.to_owned())));
        world.is(7, &asked, 200)
    };
    let first = page(None);
    let second = page(first["nextCursor"].as_str());
    assert_eq!((first["items"].as_array().unwrap().len(), second["items"].as_array().unwrap().len()), (2, 1));
    assert_eq!(second.get("nextCursor"), None);

    // A link makes a member, once.
    let shares = format!("{home}/shares");
    let share = world.is(8, &request("ali", "POST", &shares, Some(&json!({ "role": "guest" }))), 201);
    let listed = world.is(8, &request("ali", "GET", &shares, None), 200);
    assert_eq!(listed["items"][0].get("token"), None, "what a link ends in is shown once");
    let accept = |subject, token: &str| request(subject, "POST", "/shares/accept", Some(&json!({ "token": token })));
    let token = share["token"].as_str().unwrap();
    let guess = format!("{}{}", &token[..42], "0".repeat(40));
    world.is(9, &accept("bob", &guess), 404);
    assert_eq!(world.is(9, &accept("ali", token), 409)["status"], 409);
    assert_eq!(world.is(9, &accept("bob", token), 200)["role"], "guest");
    world.is(10, &accept("eve", token), 404);
    world.is(10, &request("bob", "POST", &rooms, Some(&json!({ "name": "Mine" }))), 403);

    // A home keeps an owner.
    let bob = format!("{home}/members/{}", user_id("bob"));
    let ali = format!("{home}/members/{}", user_id("ali"));
    assert_eq!(
        kind(&world.is(11, &request("ali", "PATCH", &ali, Some(&json!({ "role": "guest" }))), 409)),
        "last-owner"
    );
    assert_eq!(kind(&world.is(11, &request("ali", "DELETE", &format!("{home}/membership"), None), 409)), "last-owner");
    assert_eq!(kind(&world.is(11, &request("ali", "DELETE", &home, None), 409)), "not-empty");
    assert_eq!(world.is(12, &request("ali", "PATCH", &bob, Some(&json!({ "role": "owner" }))), 200)["role"], "owner");
    world.is(13, &request("ali", "DELETE", &format!("{home}/membership"), None), 204);
    world.is(13, &request("ali", "GET", &home, None), 404);
    world.is(14, &request("bob", "DELETE", &home, None), 204);
    let left: Vec<String> = world.homes.rows().into_keys().filter(|row| row.starts_with("home#")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_device_is_claimed_named_moved_and_removed() {
    let world = World::with(&Faults::default(), false);
    world.home('a', &[("ali", "owner"), ("gus", "guest")]);
    world.home('b', &[("bob", "owner")]);
    world.device("SN-1", "pump-1", "ABCD-2345");
    let devices = format!("/homes/{}/devices", key('a'));
    let claim = |subject, home: char, code: &str, room: Option<&str>| {
        let mut body = json!({ "serialNumber": "SN-1", "code": code, "name": "Pump" });
        if let Some(room) = room {
            body["roomId"] = json!(room);
        }
        request(subject, "POST", &format!("/homes/{}/devices", key(home)), Some(&body))
    };
    assert_eq!(kind(&world.is(1, &claim("ali", 'a', "WRONG-1", None), 403)), "claim-refused");
    assert_eq!(kind(&world.is(1, &claim("ali", 'a', "ABCD-2345", Some(&key('d'))), 409)), "no-such-room");
    let reply = world.ask(2, &claim("ali", 'a', "abcd-2345", None));
    assert_eq!((reply.status_code, reply.headers["location"].as_str()), (201, format!("{devices}/pump-1").as_str()));
    let device: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(device["connectivity"], json!({ "connected": true, "since": 7 }));
    assert_eq!(kind(&world.is(3, &claim("bob", 'b', "ABCD-2345", None), 409)), "already-claimed");
    // No more tries in this quarter of an hour, and then there are.
    for at in 4..u8::try_from(TRIES_PER_SERIAL).unwrap() {
        world.is(at, &claim("bob", 'b', "GUESS-1", None), 403);
    }
    let reply = world.ask(9, &claim("bob", 'b', "ABCD-2345", None));
    assert_eq!(reply.status_code, 429);
    assert!(reply.headers["retry-after"].parse::<u32>().unwrap() <= 900);

    assert_eq!(world.is(10, &request("gus", "GET", &devices, None), 200)["items"], json!([device]));
    let room = world.is(
        0xc1,
        &request("ali", "POST", &format!("/homes/{}/rooms", key('a')), Some(&json!({ "name": "Bad" }))),
        201,
    );
    let room = room["roomId"].as_str().unwrap();
    let pump = format!("{devices}/pump-1");
    let change = |body: Value| request("ali", "PATCH", &pump, Some(&body));
    let moved = world.is(11, &change(json!({ "name": "Big pump", "roomId": room })), 200);
    assert_eq!((&moved["name"], &moved["roomId"]), (&json!("Big pump"), &json!(room)));
    assert_eq!(kind(&world.is(11, &change(json!({ "roomId": key('d') })), 409)), "no-such-room");
    let of_room = format!("/homes/{}/rooms/{room}", key('a'));
    assert_eq!(kind(&world.is(12, &request("ali", "DELETE", &of_room, None), 409)), "not-empty");
    assert_eq!(world.is(13, &change(json!({ "roomId": null })), 200).get("roomId"), None);
    world.is(14, &request("ali", "DELETE", &of_room, None), 204);
    world.is(15, &request("gus", "DELETE", &pump, None), 403);
    world.is(15, &request("ali", "DELETE", &pump, None), 204);
    world.is(15, &request("ali", "GET", &pump, None), 404);
    assert_eq!(world.homes.row(&format!("home#{}|home", key('a'))).unwrap().number("devices"), Some(0));
}

#[test]
fn a_device_is_controlled_and_confirms() {
    for obeys in [true, false] {
        let world = World::with(&Faults::default(), obeys);
        world.home('a', &[("ali", "guest"), ("own", "owner")]);
        world.device("SN-1", "pump-1", "ABCD-2345");
        let body = json!({ "serialNumber": "SN-1", "code": "abcd-2345", "name": "Pump" });
        world.is(1, &request("own", "POST", &format!("/homes/{}/devices", key('a')), Some(&body)), 201);
        let state = format!("/homes/{}/devices/pump-1/state", key('a'));
        let mut asked = request("ali", "PATCH", &state, Some(&json!({ "desired": { "on": true } })));
        let first = world.ask(2, &asked);
        assert_eq!(first.status_code, 202, "nobody has waited: {first:?}");
        asked.headers.insert("prefer".to_owned(), "wait=2".to_owned());
        let second = world.ask(3, &asked);
        assert_eq!(second.status_code, if obeys { 200 } else { 202 }, "{second:?}");
        let followed = world.is(4, &request("ali", "GET", &first.headers["location"], None), 200);
        assert_eq!(followed["status"], if obeys { "confirmed" } else { "pending" });
        // A request of a key is done once, whatever has come in between.
        asked.headers.insert("idempotency-key".to_owned(), "k".to_owned());
        let done = world.ask(5, &asked);
        let version = world.shadows.of("pump-1").unwrap().version;
        let again = world.ask(6, &asked);
        assert_eq!((again.body, again.status_code), (done.body, done.status_code));
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(world.shadows.of("pump-1").unwrap().version, version);
        asked.body = Some(json!({ "desired": { "on": false } }).to_string());
        assert_eq!(kind(&world.is(7, &asked, 422)), "idempotency-key-reused");
        asked.headers.remove("idempotency-key");
        asked.headers.insert("if-match".to_owned(), format!("\"{}\"", version + 1));
        world.is(8, &asked, 412);
    }
}

#[test]
fn what_is_hostile_is_refused_by_name() {
    let world = World::with(&Faults::default(), false);
    world.home('a', &[("ali", "owner")]);
    let ask = |change: &dyn Fn(&mut Request)| {
        let mut asked = request("ali", "POST", "/homes", Some(&json!({ "name": "x" })));
        change(&mut asked);
        let reply = world.ask(1, &asked);
        assert_eq!(reply.headers["content-type"], "application/problem+json", "{reply:?}");
        (reply.status_code, kind(&serde_json::from_str(&reply.body).unwrap()).to_owned())
    };
    let body = |text: &str| {
        let text = text.to_owned();
        ask(&move |asked: &mut Request| asked.body = Some(text.clone()))
    };
    let is = |found: (u16, String), status: u16, kind: &str| assert_eq!(found, (status, kind.to_owned()));
    is(body("{"), 400, "bad-request");
    is(body(&format!("{{\"name\":\"{}\"}}", "x".repeat(20_000))), 413, "too-large");
    is(body(&"[".repeat(10_000)), 400, "bad-request");
    is(body("[\"x\"]"), 422, "unprocessable");
    is(body(r#"{"name":{"$ne":1}}"#), 422, "unprocessable");
    is(body(r#"{"name":"a\u0000b"}"#), 422, "unprocessable");
    is(body(r#"{"name":"a","role":"owner"}"#), 422, "unprocessable");
    is(ask(&|asked| asked.body = None), 400, "bad-request");
    is(ask(&|asked| asked.is_base64_encoded = true), 415, "unsupported-media-type");
    is(
        ask(&|asked| drop(asked.headers.insert("content-type".into(), "text/plain".into()))),
        415,
        "unsupported-media-type",
    );
    is(ask(&|asked| drop(asked.query_string_parameters.insert("admin".into(), "1".into()))), 400, "bad-request");
    is(ask(&|asked| drop(asked.headers.insert("idempotency-key".into(), "a b".into()))), 400, "bad-request");
    is(ask(&|asked| "/homes/../homes".clone_into(&mut asked.raw_path)), 404, "not-found");
    is(ask(&|asked| "/homes/a#member".clone_into(&mut asked.raw_path)), 405, "method-not-allowed");
    is(ask(&|asked| "PUT".clone_into(&mut asked.request_context.http.method)), 405, "method-not-allowed");
    for path in ["/homes/../devices", "/homes/a%2Fb", "/homes/*", "/homes/aaaaaaaaaaaaaaaaaaa#"] {
        world.is(1, &request("ali", "GET", path, None), 404);
    }
}

#[test]
fn the_sample_event_is_a_request() {
    let asked: Request = serde_json::from_str(include_str!("../../../../events/fleet-api-set-state.json")).unwrap();
    assert_eq!(asked.subject(), Some("auth0|1"));
    let world = World::with(&Faults::default(), false);
    assert_eq!(kind(&world.is(1, &asked, 404)), "not-found", "the home is nobody's");
}

/// The document that is served is the one that follows from the types.
#[test]
fn the_openapi_document_is_current() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let expected = serde_json::to_string_pretty(&fleet::homes::openapi::document()).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, &expected).unwrap();
    }
    let known = std::fs::read_to_string(file).unwrap();
    assert!(known == expected, "openapi.json is not current: run the test with UPDATE=1");
}
