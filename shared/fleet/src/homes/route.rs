//! Every route: its method and path, who may take it, what it reads of a request. What is not in this table is not served, and what
//! is in it is not served without its check: the handler reads the check from here and nowhere else.

use super::problem::{Kind, Problem};
use super::role::Role;
use super::text::{DeviceId, Id, UserId};

/// Who may take a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Whoever has a token.
    User,
    /// Members of the home in the path, with this role or more.
    Home(Role),
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table below says of each what it does")]
pub enum Operation {
    GetOpenApi,
    ListHomes,
    CreateHome,
    GetHome,
    UpdateHome,
    DeleteHome,
    ListRooms,
    CreateRoom,
    GetRoom,
    UpdateRoom,
    DeleteRoom,
    ListMembers,
    UpdateMember,
    DeleteMember,
    LeaveHome,
    ListShares,
    CreateShare,
    DeleteShare,
    AcceptShare,
    ListDevices,
    ClaimDevice,
    GetDevice,
    UpdateDevice,
    RemoveDevice,
    GetState,
    SetState,
    GetStateRequest,
}

/// A route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// What it does.
    pub operation: Operation,
    /// The name of that in the OpenAPI document.
    pub name: &'static str,
    /// The method.
    pub method: &'static str,
    /// The path, with labels.
    pub path: &'static str,
    /// Who may take it.
    pub access: Access,
    /// Whether it has a body.
    pub has_body: bool,
    /// The parameters of its query.
    pub query: &'static [&'static str],
    /// What it does, for people.
    pub summary: &'static str,
}

const LIST: &[&str] = &["limit", "cursor"];

macro_rules! routes {
    ($($operation:ident $name:literal $method:literal $path:literal $access:expr, $body:literal, $query:expr, $summary:literal;)*) => {
        /// The table.
        pub const ROUTES: &[Route] = &[$(Route {
            operation: Operation::$operation,
            name: $name,
            method: $method,
            path: $path,
            access: $access,
            has_body: $body,
            query: $query,
            summary: $summary,
        },)*];
    };
}

const GUEST: Access = Access::Home(Role::Guest);
const MEMBER: Access = Access::Home(Role::Member);
const OWNER: Access = Access::Home(Role::Owner);

routes! {
    GetOpenApi "getOpenApi" "GET" "/openapi.json" Access::Open, false, &[], "This description of the API";
    ListHomes "listHomes" "GET" "/homes" Access::User, false, LIST, "The homes that you are a member of";
    CreateHome "createHome" "POST" "/homes" Access::User, true, &[], "Makes a home, whose owner you are";
    AcceptShare "acceptShare" "POST" "/shares/accept" Access::User, true, &[], "Makes you a member of the home of a share link";
    GetHome "getHome" "GET" "/homes/{homeId}" GUEST, false, &[], "A home";
    UpdateHome "updateHome" "PATCH" "/homes/{homeId}" OWNER, true, &[], "Names a home anew";
    DeleteHome "deleteHome" "DELETE" "/homes/{homeId}" OWNER, false, &[], "Takes a home away that has no devices and no other members";
    ListRooms "listRooms" "GET" "/homes/{homeId}/rooms" GUEST, false, LIST, "The rooms of a home";
    CreateRoom "createRoom" "POST" "/homes/{homeId}/rooms" MEMBER, true, &[], "Makes a room";
    GetRoom "getRoom" "GET" "/homes/{homeId}/rooms/{roomId}" GUEST, false, &[], "A room";
    UpdateRoom "updateRoom" "PATCH" "/homes/{homeId}/rooms/{roomId}" MEMBER, true, &[], "Names a room anew";
    DeleteRoom "deleteRoom" "DELETE" "/homes/{homeId}/rooms/{roomId}" MEMBER, false, &[], "Takes a room away that has no devices";
    ListMembers "listMembers" "GET" "/homes/{homeId}/members" GUEST, false, LIST, "The members of a home";
    UpdateMember "updateMember" "PATCH" "/homes/{homeId}/members/{userId}" OWNER, true, &[], "Gives a member another role";
    DeleteMember "deleteMember" "DELETE" "/homes/{homeId}/members/{userId}" OWNER, false, &[], "Puts a member out of a home";
    LeaveHome "leaveHome" "DELETE" "/homes/{homeId}/membership" GUEST, false, &[], "Ends your own membership";
    ListShares "listShares" "GET" "/homes/{homeId}/shares" OWNER, false, LIST, "The share links of a home that are not used yet";
    CreateShare "createShare" "POST" "/homes/{homeId}/shares" OWNER, true, &[], "Makes a link that makes whoever has it a member, once";
    DeleteShare "deleteShare" "DELETE" "/homes/{homeId}/shares/{shareId}" OWNER, false, &[], "Takes a share link back";
    ListDevices "listDevices" "GET" "/homes/{homeId}/devices" GUEST, false, LIST, "The devices of a home, with their state and connectivity";
    ClaimDevice "claimDevice" "POST" "/homes/{homeId}/devices" MEMBER, true, &[], "Puts a device that is at hand into a home";
    GetDevice "getDevice" "GET" "/homes/{homeId}/devices/{deviceId}" GUEST, false, &[], "A device, with its state and connectivity";
    UpdateDevice "updateDevice" "PATCH" "/homes/{homeId}/devices/{deviceId}" MEMBER, true, &[], "Names a device anew, or puts it into another room";
    RemoveDevice "removeDevice" "DELETE" "/homes/{homeId}/devices/{deviceId}" OWNER, false, &[], "Takes a device out of a home, so that it can be claimed for another";
    GetState "getState" "GET" "/homes/{homeId}/devices/{deviceId}/state" GUEST, false, &[], "What a device is and what it is wanted to be";
    SetState "setState" "PATCH" "/homes/{homeId}/devices/{deviceId}/state" GUEST, true, &[], "Says what a device is wanted to be, and waits for it to be that for as long as `Prefer: wait=` says";
    GetStateRequest "getStateRequest" "GET" "/homes/{homeId}/devices/{deviceId}/state/requests/{changeId}" GUEST, false, &[], "Whether a device has become what it was wanted to be";
}

/// What the labels of a path stand for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels(Vec<(&'static str, String)>);

impl Labels {
    fn text(&self, label: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == label).map(|(_, text)| text.as_str())
    }

    /// An id.
    ///
    /// # Errors
    /// `not-found`: what is not an id names nothing.
    pub fn id(&self, label: &str) -> Result<Id, Problem> {
        self.text(label).and_then(Id::read).ok_or_else(|| Kind::NotFound.into())
    }

    /// The device.
    ///
    /// # Errors
    /// `not-found`: what is not a name of a device names nothing.
    pub fn device(&self) -> Result<DeviceId, Problem> {
        self.text("deviceId").and_then(DeviceId::read).ok_or_else(|| Kind::NotFound.into())
    }

    /// The user.
    ///
    /// # Errors
    /// `not-found`: what is not the id of a user names nobody.
    pub fn user(&self) -> Result<UserId, Problem> {
        self.text("userId").and_then(UserId::read).ok_or_else(|| Kind::NotFound.into())
    }
}

/// The route of a request.
///
/// # Errors
/// `not-found` for a path, `method-not-allowed` for a method that is not in the table.
pub fn find(method: &str, path: &str) -> Result<(&'static Route, Labels), Problem> {
    let fitting: Vec<_> = ROUTES.iter().filter_map(|route| Some((route, matched(route.path, path)?))).collect();
    let allowed: Vec<&str> = fitting.iter().map(|(route, _)| route.method).collect();
    match fitting.into_iter().find(|(route, _)| route.method == method) {
        Some(found) => Ok(found),
        None if allowed.is_empty() => Err(Kind::NotFound.into()),
        None => Err(Problem::from(Kind::MethodNotAllowed).with("allow", allowed.join(", "))),
    }
}

fn matched(template: &'static str, path: &str) -> Option<Labels> {
    let mut labels = Labels::default();
    let mut given = path.split('/');
    for segment in template.split('/') {
        let given = given.next()?;
        match segment.strip_prefix('{').and_then(|label| label.strip_suffix('}')) {
            Some(label) if !given.is_empty() => labels.0.push((label, given.to_owned())),
            None if segment == given => {}
            _ => return None,
        }
    }
    given.next().is_none().then_some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_route_below_a_home_asks_for_a_role_in_it() {
        for route in ROUTES {
            let is_of_home = route.path.starts_with("/homes/{homeId}");
            assert_eq!(is_of_home, matches!(route.access, Access::Home(_)), "{}", route.name);
            assert!(is_of_home || !route.path.contains('{'), "{}: what does its label belong to?", route.name);
            // What changes a home, its members or its rooms asks for more than a guest, but leaving and controlling.
            let is_for_guests = ["leaveHome", "setState"].contains(&route.name);
            let changes = route.method != "GET";
            assert!(!changes || !is_of_home || is_for_guests || route.access != GUEST, "{}", route.name);
        }
        let open: Vec<_> = ROUTES.iter().filter(|route| route.access == Access::Open).map(|route| route.name).collect();
        assert_eq!(open, ["getOpenApi"]);
        let paths: BTreeSet<_> = ROUTES.iter().map(|route| (route.method, route.path)).collect();
        let operations: BTreeSet<_> = ROUTES.iter().map(|route| route.operation).collect();
        assert_eq!((paths.len(), operations.len()), (ROUTES.len(), ROUTES.len()));
    }

    #[test]
    fn a_path_leads_to_one_route_or_none() {
        let found = |method, path| find(method, path).map(|(route, _)| route.name).map_err(|problem| problem.kind);
        assert_eq!(found("GET", "/homes/1/rooms/2"), Ok("getRoom"));
        assert_eq!(found("PUT", "/homes"), Err(Kind::MethodNotAllowed));
        for path in ["", "/", "/homes/", "//homes", "/homes//rooms", "/homes/1/rooms/2/3", "/homes/1/../1", "/HOMES"] {
            assert_eq!(found("GET", path), Err(Kind::NotFound), "{path}");
        }
        let (_, labels) = find("GET", "/homes/%2e%2e/rooms/x").unwrap();
        assert!(labels.id("homeId").is_err() && labels.id("roomId").is_err() && labels.user().is_err());
    }
}
