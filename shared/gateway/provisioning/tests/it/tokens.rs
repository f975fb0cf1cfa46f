//! Certificate ownership tokens. Source: "Device provisioning MQTT API": a token expires after an hour.

use crate::{Account, NOW, certificate};
use drydock_provisioning::book::tokens::{LIFETIME, Refused};

fn issued(account: &mut Account) -> String {
    account.run(|book, ids| Ok(book.issue_token(certificate(), NOW, ids))).unwrap()
}

#[test]
fn a_token_opens_its_certificate_once() {
    let mut account = Account::new();
    let token = issued(&mut account);
    assert_eq!(account.book.take_token(&token, NOW), Ok(certificate()));
    assert_eq!(account.book.take_token(&token, NOW), Err(Refused::InUse), "a request is under way");
    account.run(|book, _| Ok(book.spend(&token))).unwrap();
    assert_eq!(account.book.take_token(&token, NOW), Err(Refused::Unknown));
}

#[test]
fn a_token_stays_good_where_provisioning_failed() {
    let mut account = Account::new();
    let token = issued(&mut account);
    assert_eq!(account.book.take_token(&token, NOW), Ok(certificate()));
    account.run(|book, _| Ok(book.give_back(&token))).unwrap();
    assert_eq!(account.book.take_token(&token, NOW), Ok(certificate()));
}

#[test]
fn a_token_expires_after_an_hour() {
    let mut account = Account::new();
    let token = issued(&mut account);
    let (before, at) = (NOW.plus_millis(LIFETIME - 1), NOW.plus_millis(LIFETIME));
    assert!(account.book.expired(before).is_empty());
    let expired = account.book.expired(at);
    assert_eq!(expired.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>(), [certificate()]);
    assert_eq!(account.book.take_token(&token, at), Err(Refused::Unknown));
    assert_eq!(account.book.take_token(&token, before), Ok(certificate()));
    assert!(account.book.expired(at).is_empty(), "one that is in use waits for its end");
    account.run(|book, _| Ok(book.give_back(&token))).unwrap();
    for (_, digest) in account.book.expired(at) {
        account.run(|book, _| Ok(book.expire(&digest))).unwrap();
    }
    assert!(account.book.expired(at).is_empty());
    assert!(account.rows.is_empty());
}

#[test]
fn what_is_kept_is_not_the_token() {
    let mut account = Account::new();
    let token = issued(&mut account);
    assert!(account.rows.iter().all(|((_, key), value)| !key.contains(&token) && !value.contains(&token)));
}
