//! Logging in: what each answer needs of Redis and the user database, and what no answer and no log may show.

use crate::bindings::mysql::DbValue;
use crate::host::{ACCESS_KEYS, Reply, request, send_with};
use crate::replies::*;
use crate::script::{Answer, Script};
use auth::{Keys, RefreshToken, password, token};
use domain::Role;
use domain::hex::hex;
use domain::limits::{REFRESH_REPEAT_MS, REFRESH_TOKEN_MS};
use http::HeaderValue;
use std::sync::LazyLock;
use tests::tokens::{SCOPE, seconds};

const SECRET: &str = "not-to-be-logged";
const LOGIN: &str = r#"{"username":"Alice","password":"not-to-be-logged"}"#;
const USER: u64 = 10_001;
const USERS: (&str, &str) = ("users_url", "mysql://u:not-to-be-logged@db/users");
const NETWORK: &str = "bucket login:network:127.0.0.1";
const ACCOUNT: &str = "bucket login:account:";

static STORED: LazyLock<String> = LazyLock::new(|| password::hash(SECRET, &[7; 16]).unwrap());

fn send(path: &str, body: &str, script: &Script) -> Reply {
    send_as(path, body, script, &[("registration", "open")])
}

fn send_as(
    path: &str,
    body: &str,
    script: &Script,
    more: &[(&'static str, &'static str)],
) -> Reply {
    let variables = [&[USERS], more].concat();
    let reply = send_with("login", request("POST", path, body), script, &variables);
    assert!(!format!("{:?}{}", reply.body, reply.log).contains(SECRET));
    reply
}

/// The bucket has a token, or not for so many ms.
fn wait(ms: i64) -> Answer {
    integer(ms)
}

/// The key of the account's bucket, as any name has one of this form.
fn account() -> String {
    let hash = contract::api::identity::hash(&[b"alice"]);
    format!("{ACCOUNT}{}", hex(&hash))
}

/// Both buckets have a token.
fn admitted_attempt() -> Script {
    Script::default()
        .expect(NETWORK, wait(0))
        .expect(&account(), wait(0))
}

/// A row of `t_user`.
fn user(role: Role, stored: &str, is_disabled: bool) -> Answer {
    rows([vec![
        DbValue::Uint64(USER),
        DbValue::Uint8(role.code()),
        DbValue::Str(stored.to_owned()),
        DbValue::Int64(i64::from(is_disabled)),
    ]])
}

fn begun(script: Script) -> Script {
    script
        .expect("users INSERT t_session", Answer::Done)
        .expect("users DELETE t_session", Answer::Done)
}

#[test]
fn the_right_password_gets_tokens() {
    for role in Role::OF_USERS {
        let script = admitted_attempt().expect("users SELECT t_user", user(role, &STORED, false));
        let script = begun(script);
        let reply = send("/v1/auth/login", LOGIN, &script);
        assert_eq!((reply.status, reply.code()), (200, 10000), "{reply:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let text = |field: &str| reply.body[field].as_str().unwrap().to_owned();
        let keys = Keys::parse(ACCESS_KEYS).unwrap();
        let access = text("access_token");
        let claims = token::verify(&keys, SCOPE, access.as_bytes(), seconds()).unwrap();
        assert_eq!((claims.subject.as_str(), claims.role), ("10001", role));
        assert_eq!(claims.expires_at - claims.issued_at, 7_200);
        assert!(claims.issued_at.abs_diff(seconds()) < 60 && claims.id.len() == 32);
        assert_eq!(text("user_id"), "10001");
        assert_eq!(
            (text("role").as_str(), text("token_type").as_str()),
            (role.name(), "Bearer")
        );
        assert_eq!(reply.body["expires_in"], 7_200);
        assert_eq!(reply.body["refresh_expires_in"], 604_800);
        // Of the refresh token only its session and its hash are stored.
        let refresh = RefreshToken::parse(&text("refresh_token")).unwrap();
        let stored = script.values("users INSERT t_session");
        assert_eq!(stored.len(), 4, "{stored:?}");
        assert_eq!(stored[0], hex(&refresh.session()), "{stored:?}");
        assert_eq!(stored[1], hex(&refresh.hash()), "{stored:?}");
        assert!(!stored.concat().contains(&text("refresh_token")));
    }
    // A machine's role is no user's, whatever is stored.
    let stored = user(Role::Provider, &STORED, false);
    let script = admitted_attempt().expect("users SELECT t_user", stored);
    assert_eq!(send("/v1/auth/login", LOGIN, &script).status, 500);
}

/// A name that nobody has, a wrong password and a user who may not log in are one answer.
#[test]
fn who_is_refused_does_not_learn_why() {
    let mut bodies = Vec::new();
    let other = LOGIN.replace(SECRET, "another-secret");
    for (body, found) in [
        (LOGIN, rows([])),
        (LOGIN, user(Role::User, &STORED, true)),
        (&other, user(Role::User, &STORED, false)),
        (&other, user(Role::User, &STORED, true)),
        (&other, rows([])),
    ] {
        let script = admitted_attempt().expect("users SELECT t_user", found);
        let reply = send("/v1/auth/login", body, &script);
        assert_eq!((reply.status, reply.code()), (401, 10002), "{reply:?}");
        assert_eq!(
            reply.header("www-authenticate"),
            Some("Bearer realm=\"flashorder\"")
        );
        bodies.push(reply.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

/// Nothing is hashed, and the database is not asked.
#[test]
fn attempts_are_counted_first() {
    let refused = |script: Script| {
        let reply = send("/v1/auth/login", LOGIN, &script);
        (
            reply.status,
            reply.code(),
            reply.header("retry-after").map(str::to_owned),
        )
    };
    let limited = (429, 10004, Some("7".to_owned()));
    assert_eq!(
        refused(Script::default().expect(NETWORK, wait(6_001))),
        limited
    );
    let at_account = Script::default()
        .expect(NETWORK, wait(0))
        .expect(&account(), wait(7_000));
    assert_eq!(refused(at_account), limited);
    let away = (503, 10005, Some("1".to_owned()));
    assert_eq!(
        refused(Script::default().expect(NETWORK, redis_away())),
        away
    );
    let script = admitted_attempt().expect("users SELECT t_user", mysql_away());
    assert_eq!(refused(script), away);
    let off = [
        ("logins_per_account_max", "0"),
        ("logins_per_address_max", "0"),
    ];
    let script = Script::default().expect("users SELECT t_user", rows([]));
    assert_eq!(send_as("/v1/auth/login", LOGIN, &script, &off).status, 401);
}

#[test]
fn the_limits_are_those_of_the_variables() {
    let numbers = |more: &[(&'static str, &'static str)]| {
        let script = admitted_attempt().expect("users SELECT t_user", rows([]));
        assert_eq!(send_as("/v1/auth/login", LOGIN, &script, more).status, 401);
        [NETWORK.to_owned(), account()].map(|bucket| script.values(&bucket)[3..].to_vec())
    };
    assert_eq!(numbers(&[]), [["60", "1000"], ["10", "6000"]]);
    let own = [
        ("logins_per_address_max", "600"),
        ("logins_per_account_max", "1"),
    ];
    assert_eq!(numbers(&own), [["600", "100"], ["1", "60000"]]);
    for (name, value) in [
        ("logins_per_account_max", "many"),
        ("access_token_seconds", "0"),
        ("access_token_seconds", "86401"),
        ("registration", "yes"),
        ("trusted_proxies", "10.0.0.0/33"),
    ] {
        let reply = send_as(
            "/v1/auth/login",
            LOGIN,
            &Script::default(),
            &[(name, value)],
        );
        assert_eq!(reply.status, 500, "{name}");
        assert!(reply.log.contains(name), "{}", reply.log);
    }
}

#[test]
fn a_client_is_known_by_its_network() {
    let of = |peer: &'static str, forwarded: Option<&'static str>, proxies: &'static str| {
        let mut sent = request("POST", "/v1/auth/login", LOGIN);
        let headers = sent.headers_mut();
        headers.insert("spin-client-addr", HeaderValue::from_static(peer));
        if let Some(line) = forwarded {
            headers.insert("x-forwarded-for", HeaderValue::from_static(line));
        }
        let script = Script::default().always("bucket", wait(1));
        let variables = [USERS, ("trusted_proxies", proxies)];
        assert_eq!(send_with("login", sent, &script, &variables).status, 429);
        script.steps()[0].replace("bucket login:network:", "")
    };
    assert_eq!(of("203.0.113.9:80", None, ""), "203.0.113.9");
    assert_eq!(
        of("203.0.113.9:80", Some("1.1.1.1"), ""),
        "203.0.113.9",
        "nobody trusts it"
    );
    assert_eq!(
        of("10.0.0.1:80", Some("9.9.9.9, 1.1.1.1"), "10.0.0.0/8"),
        "1.1.1.1"
    );
    assert_eq!(of("[2001:db8:1:2:3::4]:80", None, ""), "2001:db8:1:2::");
    assert_eq!(of("somewhere", Some("1.1.1.1"), "10.0.0.0/8"), "unknown");
}

/// The parameters of hashes may move.
#[test]
fn an_old_hash_is_made_anew() {
    // Of `password`, by another program, with more memory.
    let old =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let body = LOGIN.replace(SECRET, "password");
    for stored in [Answer::Done, mysql_lost()] {
        let script = admitted_attempt()
            .expect("users SELECT t_user", user(Role::User, old, false))
            .expect("users UPDATE t_user", stored);
        let script = begun(script);
        let reply = send("/v1/auth/login", &body, &script);
        assert_eq!(reply.status, 200, "{reply:?}");
        let values = script.values("users UPDATE t_user");
        assert!(
            values[0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{values:?}"
        );
        assert_eq!(values[1..], ["10001", old]);
    }
}

/// A user who was disabled meanwhile begins no session.
#[test]
fn a_session_begins_with_its_user_or_not() {
    let script = admitted_attempt()
        .expect("users SELECT t_user", user(Role::User, &STORED, false))
        .expect("users INSERT t_session", Answer::Done)
        .expect("users SELECT ROW_COUNT()", rows([vec![DbValue::Int64(0)]]));
    assert_eq!(send("/v1/auth/login", LOGIN, &script).status, 401);
    // Old sessions that stay are no reason to refuse a new one.
    let script = admitted_attempt()
        .expect("users SELECT t_user", user(Role::User, &STORED, false))
        .expect("users INSERT t_session", Answer::Done)
        .expect("users DELETE t_session", deadlock());
    assert_eq!(send("/v1/auth/login", LOGIN, &script).status, 200);
}

#[test]
fn registration() {
    let path = "/v1/auth/register";
    let closed = send_as(path, LOGIN, &Script::default(), &[]);
    assert_eq!((closed.status, closed.code()), (403, 10006));
    let attempt = || Script::default().expect(NETWORK, wait(0));
    let taken = attempt().expect("users SELECT t_user", user(Role::User, &STORED, false));
    let taken = send(path, LOGIN, &taken);
    assert_eq!((taken.status, taken.code()), (409, 60001));
    // Two of the same name at once.
    let script = attempt()
        .expect("users SELECT t_user", rows([]))
        .expect("users INSERT t_user", duplicate("uk_name"));
    assert_eq!(send(path, LOGIN, &script).code(), 60001);
    let script = attempt()
        .expect("users SELECT t_user", rows([]))
        .expect("users INSERT t_user", Answer::Done)
        .expect("users SELECT t_user", user(Role::User, &STORED, false));
    let script = begun(script);
    let reply = send(path, LOGIN, &script);
    assert_eq!(
        (reply.status, &reply.body["role"]),
        (201, &"user".into()),
        "{reply:?}"
    );
    let added = script.values("users INSERT t_user");
    assert_eq!(
        (added[0].as_str(), added[2].as_str()),
        ("alice", "1"),
        "in lower case"
    );
    let hashed = password::verify(SECRET, &added[1]);
    assert_eq!(hashed, Ok(password::Verdict::Right));
    assert_eq!(
        send(
            path,
            LOGIN,
            &attempt().expect("users SELECT t_user", mysql_away())
        )
        .status,
        503
    );
    let limited = send(path, LOGIN, &Script::default().expect(NETWORK, wait(1)));
    assert_eq!(limited.status, 429);
}

/// Nothing is asked of any server.
#[test]
fn wrong_bodies() {
    for (path, body, field) in [
        ("login", "", "body"),
        ("login", "[]", "body"),
        ("login", r#"{"username":"alice"}"#, "password"),
        (
            "login",
            r#"{"username":"a","password":"not-to-be-logged"}"#,
            "username",
        ),
        (
            "login",
            r#"{"username":"alice","password":12345678}"#,
            "password",
        ),
        (
            "register",
            r#"{"username":"alice","password":"short"}"#,
            "password",
        ),
        (
            "register",
            r#"{"username":"alice","password":"ALICE"}"#,
            "password",
        ),
        ("refresh", "{}", "refresh_token"),
        ("refresh", r#"{"refresh_token":7}"#, "refresh_token"),
        ("logout", r#"{"refresh_token":""}"#, "refresh_token"),
    ] {
        let script = Script::default();
        let reply = send(&format!("/v1/auth/{path}"), body, &script);
        assert_eq!((reply.status, reply.code()), (400, 10001), "{path} {body}");
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains(field), "{message}");
        assert!(!message.contains("12345678"), "{message}");
        assert_eq!(script.steps(), Vec::<String>::new(), "{path} {body}");
    }
    let none = send_with(
        "login",
        request("POST", "/v1/auth/login", LOGIN),
        &Script::default(),
        &[],
    );
    assert_eq!((none.status, none.code()), (404, 10007), "no user database");
}

fn first() -> RefreshToken {
    RefreshToken::first([1; 16], [2; 32])
}

fn next(token: &RefreshToken) -> RefreshToken {
    token
        .successors(&Keys::parse(ACCESS_KEYS).unwrap())
        .next()
        .unwrap()
}

/// A row of `t_session`, whose token was stored so long ago.
fn session(token: &RefreshToken, age_ms: u64, is_disabled: bool) -> Answer {
    let now = now();
    rows([vec![
        DbValue::Uint64(USER),
        DbValue::Uint8(Role::Admin.code()),
        DbValue::Int64(i64::from(is_disabled)),
        DbValue::Binary(token.hash().to_vec()),
        DbValue::Uint64(now - age_ms),
        DbValue::Uint64(now - age_ms + REFRESH_TOKEN_MS),
        DbValue::Uint64(now - age_ms),
        DbValue::Int64(now as i64),
    ]])
}

fn refresh(script: &Script) -> Reply {
    let body = format!(r#"{{"refresh_token":"{}"}}"#, first().text());
    send("/v1/auth/refresh", &body, script)
}

#[test]
fn a_refresh_token_is_used_up() {
    let script = Script::default()
        .expect("users SELECT t_session", session(&first(), 1_000, false))
        .expect("users UPDATE t_session", Answer::Done);
    let reply = refresh(&script);
    assert_eq!(
        (reply.status, &reply.body["role"]),
        (200, &"admin".into()),
        "{reply:?}"
    );
    assert_eq!(reply.body["refresh_token"], next(&first()).text());
    let values = script.values("users UPDATE t_session");
    let hash = |token: &RefreshToken| hex(&token.hash());
    assert_eq!(
        (&values[0], &values[4]),
        (&hash(&next(&first())), &hash(&first()))
    );
    // Its answer was lost, and it comes again.
    let repeat = session(&next(&first()), REFRESH_REPEAT_MS - 5_000, false);
    let reply = refresh(&Script::default().expect("users SELECT t_session", repeat));
    assert_eq!(
        reply.body["refresh_token"],
        next(&first()).text(),
        "{reply:?}"
    );
    // Two at once: the other one was first.
    let script = Script::default()
        .expect("users SELECT t_session", session(&first(), 0, false))
        .expect("users UPDATE t_session", Answer::Done)
        .expect("users SELECT ROW_COUNT()", rows([vec![DbValue::Int64(0)]]))
        .expect("users SELECT t_session", session(&next(&first()), 0, false));
    assert_eq!(
        refresh(&script).body["refresh_token"],
        next(&first()).text()
    );
}

#[test]
fn a_session_that_must_end_does() {
    let third = next(&next(&first()));
    for (what, row) in [
        ("used before", session(&third, 0, false)),
        (
            "used long ago",
            session(&next(&first()), REFRESH_REPEAT_MS + 5_000, false),
        ),
        ("too old", session(&first(), REFRESH_TOKEN_MS + 1, false)),
        ("its user is disabled", session(&first(), 0, true)),
    ] {
        let script = Script::default()
            .expect("users SELECT t_session", row)
            .expect("users DELETE t_session", Answer::Done);
        let reply = refresh(&script);
        assert_eq!(
            (reply.status, reply.code()),
            (401, 10002),
            "{what}: {reply:?}"
        );
        assert_eq!(
            reply.header("www-authenticate"),
            Some("Bearer realm=\"flashorder\"")
        );
        assert_eq!(
            reply.log.contains("came again"),
            what.starts_with("used"),
            "{what}: {}",
            reply.log
        );
    }
    let unknown = Script::default().expect("users SELECT t_session", rows([]));
    assert_eq!(refresh(&unknown).status, 401);
    let away = Script::default().expect("users SELECT t_session", mysql_away());
    assert_eq!(refresh(&away).status, 503);
    for text in ["x", &"A".repeat(63), &"A".repeat(2_000), "é"] {
        let body = serde_json::json!({ "refresh_token": text }).to_string();
        let script = Script::default();
        assert_eq!(
            send("/v1/auth/refresh", &body, &script).status,
            401,
            "{text}"
        );
        assert_eq!(script.steps(), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn logging_out_may_be_repeated() {
    let body = format!(r#"{{"refresh_token":"{}"}}"#, first().text());
    for _ in 0..2 {
        let script = Script::default().expect("users DELETE t_session", Answer::Done);
        let reply = send("/v1/auth/logout", &body, &script);
        assert_eq!(
            (reply.status, &reply.body["success"]),
            (200, &true.into()),
            "{reply:?}"
        );
        let session = script.values("users DELETE t_session");
        assert_eq!(session, [hex(&first().session())]);
    }
    let unknown = send(
        "/v1/auth/logout",
        r#"{"refresh_token":"x"}"#,
        &Script::default(),
    );
    assert_eq!(unknown.status, 200);
}
