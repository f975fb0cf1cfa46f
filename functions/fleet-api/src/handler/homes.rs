//! Homes.

use super::call::{Answer, Call, Committed, Membership, version};
use super::{Outside, unavailable};
use fleet::conditional::Item;
use fleet::homes::entity_tag::{IfMatch, tagged};
use fleet::homes::home::{self, Counted};
use fleet::homes::http::Reply;
use fleet::homes::page::List;
use fleet::homes::problem::{Kind, Problem};
use fleet::homes::resource::{Home, HomeChange, NewHome, read};
use fleet::homes::role::{ROLE, Role};
use fleet::homes::text::Id;
use fleet::homes::{member, row};
use fleet::ports::ListRows;
use fleet::transaction::Step;
use futures_util::future::{try_join, try_join_all};

fn shown(call: &Call<'_, impl Outside>, row: &Item, role: Role) -> Answer {
    let home = home::read(row, role).ok_or_else(|| Problem::from(Kind::Internal))?;
    let tag = format!("{}.{}", version(row)?, role.as_str());
    Ok(tagged(call.request, Reply::json(200, &home), &tag))
}

pub(super) async fn list<O: Outside>(call: &Call<'_, O>) -> Answer {
    let user = row::user(call.user.as_str());
    let (links, next_cursor) = call.rows(&user, row::HOME_OF).await?;
    let homes = links.iter().filter_map(|link| Id::read(link.text("homeId")?)).map(|home_id| async move {
        let (partition, sort) = (row::home(home_id.as_str()), member::sort(&call.user));
        let (home, member) = try_join(call.row(&partition, row::HOME), call.row(&partition, &sort)).await?;
        // A home that goes while the list is made is not in it.
        let role = member.as_ref().and_then(|row| Role::read(row.text(ROLE)?));
        Ok::<Option<Home>, Problem>(home.zip(role).and_then(|(home, role)| home::read(&home, role)))
    });
    let items: Vec<Home> = try_join_all(homes).await?.into_iter().flatten().collect();
    Ok(Reply::json(200, &List { items, next_cursor }))
}

pub(super) async fn create<O: Outside>(call: &Call<'_, O>) -> Answer {
    let asked: NewHome = read(call.body)?;
    let home_id = call.new_id()?;
    let now = call.moment.now;
    let steps = home::make(&home_id, &asked, &call.user, now);
    let location = format!("/homes/{home_id}");
    let home = Home { home_id, name: asked.name.to_string(), role: Role::Owner, created_at: now };
    let reply = Reply::json(201, &home).with("location", location).with("etag", "\"1.owner\"");
    match call.commit(None, steps, reply).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(..) => Err(Kind::Internal.into()),
    }
}

pub(super) async fn get<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    shown(call, &call.in_home(of, row::HOME).await?, of.role())
}

pub(super) async fn update<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let asked: HomeChange = read(call.body)?;
    let row = call.in_home(of, row::HOME).await?;
    let known = version(&row)?;
    IfMatch::of(call.request).allows(known)?;
    let mut after = Some(row);
    let change = home::rename(of.home_id(), &asked, Some(known));
    change.apply(&mut after);
    let reply = shown(call, &after.unwrap_or_default(), of.role())?;
    call.commit_version(of, vec![Step::Change(change)], reply).await
}

pub(super) async fn delete<O: Outside>(call: &Call<'_, O>, of: &Membership) -> Answer {
    let row = call.in_home(of, row::HOME).await?;
    let known = version(&row)?;
    IfMatch::of(call.request).allows(known)?;
    let all = |prefix: &'static str| async move {
        let found = call.ports.homes.list_rows(&of.partition(), prefix, None, 50).await;
        found.map(|rows| rows.items).map_err(|error| unavailable(&error))
    };
    let (rooms, shares) = try_join(all(row::ROOM), all(row::SHARE)).await?;
    let steps = home::take_away(of.home_id(), &call.user, &rooms, &shares, Some(known));
    // The owner's own row is one of those that go, with what has to hold of it.
    match call.commit(None, steps, Reply::empty(204)).await? {
        Committed::Done(reply) => Ok(reply),
        Committed::Refused(0, Some(home)) => {
            let more = |what: Counted, most: i64| home.number(what.attribute()).is_none_or(|number| number > most);
            if more(Counted::Devices, 0) || more(Counted::Members, 1) {
                return Err(Problem::detail(Kind::NotEmpty, "a home is taken away without devices and other members"));
            }
            Err(Kind::Busy.into())
        }
        Committed::Refused(0, None) => Err(Kind::NotFound.into()),
        Committed::Refused(..) => Err(Kind::Busy.into()),
    }
}
