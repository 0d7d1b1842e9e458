//! Logging in on real servers: a user's life from registration to logout, sessions of which a token was used twice,
//! what the relay's commands change, many logins at once, and a platform that admits nobody else.

use crate::operations::Walk;
use anyhow::{Context, Result, ensure};
use platform::client::{Client, Reply};
use platform::shop::order_body;
use platform::{Platform, shop};
use serde_json::{Value, json};
use std::fs;
use std::thread;

const PASSWORD: &str = "correct horse battery";

/// A name that no other test has.
fn name() -> String {
    format!("user-{}", shop::key())
}

fn credentials(name: &str) -> Value {
    json!({ "username": name, "password": PASSWORD })
}

fn refresh_body(reply: &Reply) -> Value {
    json!({ "refresh_token": reply.text_at("/refresh_token") })
}

/// Every operation of the group with every success that the document has.
pub fn operations(walk: &mut Walk) -> Result<()> {
    let user = credentials(&name());
    let registered = walk.call("register", &[], "", &user)?;
    let login = walk.call("login", &[], "", &user)?;
    assert_eq!(login.text_at("/user_id"), registered.text_at("/user_id"));
    let refreshed = walk.call("refreshLogin", &[], "", &refresh_body(&login))?;
    assert_ne!(
        refreshed.text_at("/refresh_token"),
        login.text_at("/refresh_token")
    );
    let out = walk.call("logout", &[], "", &refresh_body(&refreshed))?;
    ensure!(out.body["success"] == true, "{}", out.text);
    Ok(())
}

/// A host that knows callers by their tokens alone, without limits on attempts unless some are given.
fn strict(platform: &Platform, name: &str) -> Result<(stack::Process, Client)> {
    let own = [
        ("AUTH_MODE", "strict"),
        ("LOGINS_PER_ACCOUNT_MAX", "0"),
        ("LOGINS_PER_ADDRESS_MAX", "0"),
        ("ADDRESS_REQUESTS_PER_SECOND_MAX", "0"),
    ];
    platform.host_with(name, &own)
}

/// A client's calls with its access token.
struct Caller<'a> {
    api: &'a Client,
    authorization: String,
}

impl Caller<'_> {
    fn of<'a>(api: &'a Client, login: &Reply) -> Caller<'a> {
        let token = login.text_at("/access_token");
        Caller {
            api,
            authorization: format!("Bearer {token}"),
        }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Result<Reply> {
        let headers = [
            ("authorization", &*self.authorization),
            ("content-type", "application/json"),
        ];
        self.api.send(method, path, &headers, body)
    }
}

#[test]
fn a_shopper_from_registration_to_logout() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(10, "redis")?;
    let (_host, api) = strict(&platform, "host-login")?;
    let (alice, bob) = (name(), name());
    let alices = api
        .post("/v1/auth/register", &credentials(&alice))?
        .expect(201)?;
    let bobs = api
        .post("/v1/auth/register", &credentials(&bob))?
        .expect(201)?;
    ensure!(alices.text_at("/user_id") != bobs.text_at("/user_id"));
    let again = api.post("/v1/auth/register", &credentials(&alice.to_uppercase()))?;
    assert_eq!((again.status, again.code()), (409, 60001));

    let body = json!({ "items": [{ "product_id": product, "quantity": 2 }] }).to_string();
    let nobody = api.post("/v1/order/create", &order_body(1, product, 1))?;
    assert_eq!((nobody.status, nobody.code()), (401, 10002));
    let (alice_calls, bob_calls) = (Caller::of(&api, &alices), Caller::of(&api, &bobs));
    let created = alice_calls
        .send("POST", "/v1/order/create", &body)?
        .expect(200)?;
    assert_eq!(
        created.text_at("/order/user_id"),
        alices.text_at("/user_id")
    );
    let path = format!("/v1/order/{}", created.text_at("/order_id"));
    alice_calls.send("GET", &path, "")?.expect(200)?;
    let other = bob_calls.send("GET", &path, "")?;
    assert_eq!((other.status, other.code()), (404, 20001));
    let list = bob_calls.send("GET", "/v1/order/list", "")?.expect(200)?;
    ensure!(list.body["total"] == 0, "{}", list.text);
    let announced = alice_calls.send("GET", "/v1/dashboard/stats", "")?;
    assert_eq!((announced.status, announced.code()), (403, 10006));

    // The access token of a refresh is as good.
    let next = api
        .post("/v1/auth/refresh", &refresh_body(&alices))?
        .expect(200)?;
    Caller::of(&api, &next)
        .send("GET", &path, "")?
        .expect(200)?;
    api.post("/v1/auth/logout", &refresh_body(&next))?
        .expect(200)?;
    let after = api.post("/v1/auth/refresh", &refresh_body(&next))?;
    assert_eq!((after.status, after.code()), (401, 10002));
    platform.audit().map(drop)
}

#[test]
fn a_stolen_refresh_token_ends_its_session() -> Result<()> {
    let platform = tests::shared();
    let user = credentials(&name());
    platform.api.post("/v1/auth/register", &user)?.expect(201)?;
    let refresh = |reply: &Reply| platform.api.post("/v1/auth/refresh", &refresh_body(reply));
    let first = platform.api.post("/v1/auth/login", &user)?.expect(200)?;
    let other = platform.api.post("/v1/auth/login", &user)?.expect(200)?;
    let second = refresh(&first)?.expect(200)?;
    let repeated = refresh(&first)?.expect(200)?;
    assert_eq!(
        second.text_at("/refresh_token"),
        repeated.text_at("/refresh_token")
    );
    let third = refresh(&second)?.expect(200)?;
    // Used twice over: whoever has the third may be a thief.
    assert_eq!(refresh(&first)?.status, 401);
    assert_eq!(refresh(&third)?.status, 401);
    refresh(&other)?.expect(200)?;
    Ok(())
}

/// Of one token used many times at once, all get the same successor, and the session goes on.
#[test]
fn a_token_used_by_many_at_once_has_one_successor() -> Result<()> {
    let platform = tests::shared();
    let user = credentials(&name());
    let first = platform.api.post("/v1/auth/register", &user)?.expect(201)?;
    let body = refresh_body(&first);
    let replies: Vec<Reply> = thread::scope(|scope| {
        let each: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| platform.api.post("/v1/auth/refresh", &body)))
            .collect();
        each.into_iter()
            .map(|one| one.join().unwrap())
            .collect::<Result<_>>()
    })?;
    for reply in &replies {
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(
            reply.text_at("/refresh_token"),
            replies[0].text_at("/refresh_token")
        );
    }
    let next = platform
        .api
        .post("/v1/auth/refresh", &refresh_body(&replies[0]))?;
    next.expect(200)?;
    Ok(())
}

#[test]
fn a_user_has_so_many_sessions() -> Result<()> {
    let platform = tests::shared();
    let (_host, api) = strict(&platform, "host-sessions")?;
    let name = name();
    let first = api
        .post("/v1/auth/register", &credentials(&name))?
        .expect(201)?;
    for _ in 0..20 {
        api.post("/v1/auth/login", &credentials(&name))?
            .expect(200)?;
    }
    let count = "SELECT COUNT(*) FROM users.t_session s JOIN users.t_user u ON u.id = s.user_id";
    let sessions = platform.number(&format!("{count} WHERE u.name = '{name}'"))?;
    assert_eq!(sessions, 20);
    assert_eq!(
        api.post("/v1/auth/refresh", &refresh_body(&first))?.status,
        401
    );
    Ok(())
}

/// Attempts are counted over all hosts, and without a database.
#[test]
fn guessing_is_slow() -> Result<()> {
    let platform = tests::shared();
    let few = [
        ("LOGINS_PER_ACCOUNT_MAX", "3"),
        ("LOGINS_PER_ADDRESS_MAX", "0"),
    ];
    let (_one, one) = platform.host_with("host-guess-1", &few)?;
    let (_two, two) = platform.host_with("host-guess-2", &few)?;
    let user = credentials(&name());
    for api in [&one, &two, &one] {
        assert_eq!(api.post("/v1/auth/login", &user)?.status, 401);
    }
    for api in [&one, &two] {
        let limited = api.post("/v1/auth/login", &user)?;
        assert_eq!((limited.status, limited.code()), (429, 10004));
        let seconds: u64 = limited.header("retry-after").context("no time")?.parse()?;
        assert!((1..=20).contains(&seconds), "{seconds}");
    }
    assert_eq!(
        one.post("/v1/auth/login", &credentials(&name()))?.status,
        401
    );
    Ok(())
}

#[test]
fn operators_change_users() -> Result<()> {
    let platform = tests::shared();
    let (_host, api) = strict(&platform, "host-users")?;
    let name = name();
    let user = |verb: &str, more: &[&str]| {
        platform.relay_command(&[&["user", verb, &name.to_uppercase()], more].concat())
    };
    let file = platform.home().path().join(&name);
    fs::write(&file, format!("{PASSWORD}\nanother line"))?;
    let file = file.to_str().context("a path")?;
    let added = user("add", &["--role", "admin", "--password-file", file])?;
    assert_eq!(added.trim(), format!("{name} is added as admin"));
    ensure!(user("add", &[]).is_err(), "it is there");
    ensure!(user("add", &["--if-absent"])?.contains("there already"));
    let login = api
        .post("/v1/auth/login", &credentials(&name))?
        .expect(200)?;
    assert_eq!(login.text_at("/role"), "admin");
    Caller::of(&api, &login)
        .send("GET", "/v1/dashboard/stats", "")?
        .expect(200)?;

    user("role", &["ops"])?;
    let login = api
        .post("/v1/auth/refresh", &refresh_body(&login))?
        .expect(200)?;
    assert_eq!(login.text_at("/role"), "ops");
    user("disable", &[])?;
    assert_eq!(
        api.post("/v1/auth/refresh", &refresh_body(&login))?.status,
        401
    );
    assert_eq!(api.post("/v1/auth/login", &credentials(&name))?.status, 401);
    let list = platform.relay_command(&["user", "list", "--limit", "10000"])?;
    let line = list
        .lines()
        .find(|line| line.ends_with(&name))
        .context("not listed")?;
    ensure!(line.contains("ops") && line.contains("disabled"), "{line}");
    user("enable", &[])?;
    let login = api
        .post("/v1/auth/login", &credentials(&name))?
        .expect(200)?;

    // A password that nobody chose is shown once; what was begun with the other ends.
    let said = user("password", &[])?;
    let (_, password) = said
        .trim()
        .split_once("password: ")
        .context("no password")?;
    assert_eq!(
        api.post("/v1/auth/refresh", &refresh_body(&login))?.status,
        401
    );
    assert_eq!(api.post("/v1/auth/login", &credentials(&name))?.status, 401);
    let own = json!({ "username": name, "password": password });
    api.post("/v1/auth/login", &own)?.expect(200)?;
    for (verb, more, wrong) in [
        ("role", &["root"][..], "invalid value"),
        ("password", &["--password-file", "/nowhere"], "/nowhere"),
    ] {
        let error = format!("{:#}", user(verb, more).unwrap_err());
        ensure!(error.contains(wrong), "{error}");
    }
    let unknown = platform.relay_command(&["user", "disable", "nobody-has-this"]);
    ensure!(format!("{:#}", unknown.unwrap_err()).contains("there is no user nobody-has-this"));
    Ok(())
}
