//! Limits on requests on real servers: all hosts count together, by whatever way an order is asked for, and a client is
//! known behind its proxy.

use anyhow::{Context, Result, ensure};
use contract::store::redis::rate_limit;
use domain::{Role, UserId};
use platform::client::{Client, Reply};
use platform::shop::{PRICE, buyer, key, order_body};
use platform::{Platform, soon};
use proto::order::v1 as pb;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::thread;
use tests::{grpc, tokens};

const CREATE: &str = "/v1/order/create";
const STRICT: (&str, &str) = ("AUTH_MODE", "strict");

/// A caller's `authorization`.
fn bearer(platform: &Platform, user: u64, role: Role) -> Result<String> {
    let token = tokens::of(platform, &user.to_string(), role)?;
    Ok(format!("Bearer {token}"))
}

/// Asks for an order of its own under a new key.
fn order(api: &Client, authorization: &str, path: &str, body: &Value) -> Result<Reply> {
    let key = key();
    let headers = [("authorization", authorization), ("idempotency-key", &key)];
    api.post_with(path, &headers, body)
}

/// The same over gRPC; the status and the code of a call that is refused.
fn call(api: &Client, authorization: &str, user: u64, product: u64) -> Result<(i32, u32)> {
    let line = pb::OrderItem {
        product_id: i64::try_from(product)?,
        price: PRICE.parse()?,
        quantity: 1,
        ..pb::OrderItem::default()
    };
    let message = pb::CreateOrderRequest {
        user_id: i64::try_from(user)?,
        items: vec![line],
        ..pb::CreateOrderRequest::default()
    };
    let key = key();
    let metadata = [("authorization", authorization), ("idempotency-key", &key)];
    let method = "order.v1.OrderService/CreateOrder";
    let ended: grpc::Ended<pb::CreateOrderResponse> =
        grpc::call(api.base(), method, &message, &metadata)?;
    Ok(ended.refused())
}

/// What the limit of a reply has left.
fn left(reply: &Reply) -> Result<u32> {
    let policy = reply.header("ratelimit-policy");
    ensure!(policy == Some("\"user\";q=10;w=60"), "{policy:?}");
    let state = reply.header("ratelimit").context("no state")?;
    let left = state.split(';').find_map(|part| part.strip_prefix("r="));
    Ok(left.with_context(|| state.to_owned())?.parse()?)
}

/// Ten a minute, which all hosts count together.
#[test]
fn ten_of_sixteen_orders_at_once_are_placed() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(100, "redis")?;
    let own = [STRICT, ("ADDRESS_REQUESTS_PER_SECOND_MAX", "0")];
    let (_first, first) = platform.host_with("host-limits-1", &own)?;
    let (_second, second) = platform.host_with("host-limits-2", &own)?;
    let (user, other) = (buyer(), buyer());
    let mine = bearer(&platform, user, Role::User)?;
    let body = json!({ "items": [{ "product_id": product, "quantity": 1, "price": PRICE }] });
    let replies = thread::scope(|scope| {
        let (mine, body) = (&mine, &body);
        let apis = [&first, &second].into_iter().cycle().take(16);
        let all: Vec<_> = apis
            .map(|api| scope.spawn(move || order(api, mine, CREATE, body)))
            .collect();
        let replies = all.into_iter().map(|one| one.join().expect("a reply"));
        replies.collect::<Result<Vec<Reply>>>()
    })?;
    let (placed, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!((placed.len(), refused.len()), (10, 6), "{replies:?}");
    let lefts = placed.iter().map(|reply| left(reply));
    let lefts = lefts.collect::<Result<BTreeSet<u32>>>()?;
    let all: BTreeSet<u32> = (0..10).collect();
    assert_eq!(lefts, all, "each is counted once");
    for reply in refused {
        assert_eq!((reply.status, reply.code()), (429, 10004), "{reply:?}");
        assert_eq!(left(reply)?, 0);
        let wait: u64 = reply.header("retry-after").context("no time")?.parse()?;
        assert!((1..=60).contains(&wait), "{wait}");
    }

    // Whichever way it asks.
    for path in ["/api/v1/orders", "/orders"] {
        assert_eq!(order(&second, &mine, path, &body)?.status, 429, "{path}");
    }
    let token = json!({ "token": format!("1-1.{user}.67acba517838359a5c547b0bb919aea8") });
    let bought = order(&first, &mine, "/api/v1/seckill/buy", &token)?;
    assert_eq!(bought.status, 429, "{}", bought.text);
    assert_eq!(call(&first, &mine, user, product)?, (8, 10004));
    assert_eq!(platform.orders_of(user)?, 10);
    let mut redis = platform.redis_connection()?;
    let window = rate_limit(UserId::new(user));
    let (count, ms): (u32, i64) = redis::pipe()
        .cmd("GET")
        .arg(&window)
        .cmd("PTTL")
        .arg(&window)
        .query(&mut redis)?;
    assert_eq!(count, 20);
    assert!((1..=60_000).contains(&ms), "{ms}");

    // Others are not affected, and the staff may order for many.
    let another = bearer(&platform, other, Role::User)?;
    assert_eq!(call(&second, &another, other, product)?, (0, 0));
    let reply = order(&first, &another, CREATE, &body)?.expect(200)?;
    assert_eq!(left(&reply)?, 8);
    let staff = bearer(&platform, 1, Role::Admin)?;
    let body = order_body(user, product, 1);
    let reply = order(&first, &staff, CREATE, &body)?.expect(200)?;
    assert_eq!(reply.header("ratelimit"), None);
    assert_eq!(platform.orders_of(user)?, 11);
    platform.audit().map(drop)
}

/// One change a second from each address, whichever host is asked, and any number of reads.
#[test]
fn a_client_is_known_behind_its_proxy() -> Result<()> {
    let platform = tests::shared();
    let own = [
        STRICT,
        ("ADDRESS_REQUESTS_PER_SECOND_MAX", "1"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ];
    let (_first, first) = platform.host_with("host-addresses-1", &own)?;
    let (_second, second) = platform.host_with("host-addresses-2", &own)?;
    let mine = bearer(&platform, buyer(), Role::User)?;
    let send = |api: &Client, method: &str, path: &str, forwarded: &str| {
        let headers = [("authorization", &*mine), ("x-forwarded-for", forwarded)];
        api.send(method, path, &headers, "")
    };
    let cancel = |api, forwarded| send(api, "POST", "/v1/order/77/cancel", forwarded);
    // Within a second, which a slow machine may miss.
    let refused = soon("a refusal", || {
        ensure!(
            cancel(&first, "198.51.100.7")?.status == 404,
            "no token yet"
        );
        let refused = cancel(&second, "198.51.100.7")?.expect(429)?;
        cancel(&second, "192.0.2.1, 198.51.100.7")?.expect(429)?;
        Ok(refused)
    })?;
    assert_eq!(refused.code(), 10004);
    assert_eq!(refused.header("retry-after"), Some("1"));
    let policy = refused.header("ratelimit-policy");
    assert_eq!(policy, Some("\"address\";q=1;w=1"));
    let other = cancel(&second, "198.51.100.8")?;
    assert_eq!(other.status, 404, "another address: {}", other.text);
    for _ in 0..4 {
        send(&first, "GET", "/v1/order/list", "198.51.100.7")?.expect(200)?;
    }
    platform.audit().map(drop)
}
