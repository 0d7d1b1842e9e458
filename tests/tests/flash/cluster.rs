//! Every script on a real Redis Cluster of three masters: the keys of a script are always in one slot, and a master
//! that is away affects only its own slots.

use anyhow::{Context, Result, ensure};
use contract::store::redis::{self as keys, SCRIPTS, Script};
use domain::{OrderId, ProductId, SeckillId, SkuId, UserId};
use redis::{Connection, RedisError, Value, from_redis_value};
use stack::{Home, RedisCluster};
use std::collections::BTreeSet;

struct Cluster {
    masters: Vec<Connection>,
    used: BTreeSet<&'static str>,
}

impl Cluster {
    fn of(servers: &RedisCluster) -> Result<Cluster> {
        let open = |url: String| Ok(redis::Client::open(url)?.get_connection()?);
        Ok(Cluster {
            masters: servers
                .urls()
                .into_iter()
                .map(open)
                .collect::<Result<_>>()?,
            used: BTreeSet::new(),
        })
    }

    /// Runs a command on the master that owns its slot.
    fn command(&mut self, command: &redis::Cmd) -> Result<Value, RedisError> {
        let elsewhere = |error: &RedisError| {
            let moved = redis::ErrorKind::Server(redis::ServerErrorKind::Moved);
            error.kind() == moved || error.is_io_error()
        };
        let mut last = None;
        for master in &mut self.masters {
            match command.query::<Value>(master) {
                Err(error) if elsewhere(&error) => last = Some(error),
                other => return other,
            }
        }
        Err(last.expect("three masters"))
    }

    fn script(
        &mut self,
        script: Script,
        keys: &[String],
        arguments: &[String],
    ) -> Result<Vec<String>> {
        self.used.insert(script.name);
        let mut eval = redis::cmd("EVAL");
        eval.arg(script.text)
            .arg(keys.len())
            .arg(keys)
            .arg(arguments);
        let answer = self.command(&eval).with_context(|| script.name)?;
        flat(answer)
    }
}

/// A reply as one flat list, as functions receive it.
fn flat(answer: Value) -> Result<Vec<String>> {
    let Value::Array(parts) = answer else {
        return Ok(vec![from_redis_value(answer)?]);
    };
    let parts: Vec<Vec<String>> = parts.into_iter().map(flat).collect::<Result<_>>()?;
    Ok(parts.concat())
}

/// Keys or arguments, separated by `|`.
fn texts(list: &str) -> Vec<String> {
    list.split('|').map(str::to_owned).collect()
}

/// A flash sale, from loading the stock to its end; the id of the order bought in it.
fn sell(cluster: &mut Cluster, product: ProductId, user: UserId) -> Result<OrderId> {
    let sale = SeckillId { product, number: 1 };
    let (of, buyer, sku) = (product.0, user.get(), SkuId(0).of_sale(1).0);
    let (facts, stock, reserved) = (
        keys::seckill(sale),
        keys::stock(product),
        keys::reserved(product),
    );
    let (buyers, token) = (keys::seckill_buyers(sale), keys::seckill_token(sale, user));
    let intake = keys::seckill_intake(product);
    let shelf = [stock.clone(), reserved.clone()];
    cluster.script(keys::SYNC, &shelf, &texts("1|0|100|1"))?;
    cluster.script(keys::SET_ASIDE, &shelf, &texts("seckill-1|0|10"))?;
    cluster.script(keys::SYNC, &shelf, &texts(&format!("1|{sku}|10|1")))?;
    let taken = cluster.script(keys::TAKE, &shelf, &texts("change-ab|0|5|7000"))?;
    ensure!(taken[0] == "ok", "{taken:?}");
    let mine = texts(&format!("change-ab|0|{}", taken[1]));
    cluster.script(keys::PUT_BACK, &shelf, &mine)?;
    let known = format!(
        "1|1|0:9999999999999|id|{sale}|product|{of}|sku|{sku}|price|990|limit|1|starts_at|0|ends_at|9999999999999|name|Cup|image|"
    );
    let current = [facts.clone(), keys::seckills(product)];
    cluster.script(keys::SECKILL_LOAD, &current, &texts(&known))?;
    let named = cluster.script(keys::SECKILL_CURRENT, &current[1..], &texts("1000"))?;
    ensure!(named == ["1"], "{named:?}");
    let counter = [keys::id_counter(user.gene())];
    let tick = cluster.script(keys::MINT, &counter, &texts("1704067200000"))?;
    let order = OrderId::compose(tick[0].parse()?, user.gene()).context("an id")?;
    let rates = [
        keys::seckill_rate(sale),
        keys::seckill_user_rate(sale, user),
    ];
    let mut ask = vec![facts.clone(), stock.clone(), buyers.clone(), token.clone()];
    ask.extend_from_slice(&rates);
    ask.push(keys::product(product));
    let wish = texts(&format!("{buyer}|ab||1000|5|5"));
    let said = cluster.script(keys::SECKILL_TOKEN, &ask, &wish)?;
    ensure!(said == ["mint"], "{said:?}");
    let wish = texts(&format!("{buyer}|ab|{order}|1000|5|5"));
    let said = cluster.script(keys::SECKILL_TOKEN, &ask, &wish)?;
    ensure!(said[0] == "issued", "{said:?}");
    let mut buy = vec![
        facts.clone(),
        stock.clone(),
        reserved.clone(),
        buyers.clone(),
        token.clone(),
        intake.clone(),
    ];
    buy.extend(rates);
    buy.push(keys::product(product));
    let wish = format!("{buyer}|ab|1|1000|1000|{}|5|5|trace|", keys::INTAKE_CHANNEL);
    let said = cluster.script(keys::SECKILL_BUY, &buy, &texts(&wish))?;
    ensure!(said == ["ok".to_owned(), order.to_string()], "{said:?}");
    let mut group = redis::cmd("XGROUP");
    group.arg("CREATE").arg(&intake);
    cluster.command(group.arg(keys::INTAKE_GROUP).arg("0"))?;
    let done = texts(&format!("{}|1-1", keys::INTAKE_GROUP));
    cluster.script(keys::SETTLE_INTAKE, &[intake], &done)?;
    let back = [stock.clone(), reserved, buyers, token];
    let whose = texts(&format!("{order}|{sku}|{buyer}"));
    let said = cluster.script(keys::SECKILL_REFUND, &back, &whose)?;
    ensure!(said == ["1"], "{said:?}");
    let end = [facts, stock, keys::seckill_buyers(sale)];
    cluster.script(keys::SECKILL_CLOSE, &end, &texts(&format!("{sku}|1000")))?;
    Ok(order)
}

/// An ordinary order, from `admit` to the cache.
fn place(cluster: &mut Cluster, product: ProductId, user: UserId, order: OrderId) -> Result<()> {
    let (key, cached) = (keys::idempotency(user, "k"), keys::order(order));
    let (stock, reserved) = (keys::stock(product), keys::reserved(product));
    let entry = texts("60000|1|name|Cup|image||price|990|status|1|mode|0");
    cluster.script(keys::CACHE_PRODUCT, &[keys::product(product)], &entry)?;
    let both = [keys::product(product), keys::stock(product)];
    let said = cluster.script(keys::PRODUCT, &both, &[])?;
    ensure!(said[0] == "12", "{said:?}");
    let admission = [
        key.clone(),
        keys::id_counter(user.gene()),
        keys::rate_limit(user),
    ];
    let admit = texts("hash|60000|1704067200000|5|60000");
    let said = cluster.script(keys::ADMIT, &admission, &admit)?;
    let tick = said.get(2).context("a tick")?.clone();
    let goods = [keys::product(product), stock.clone(), reserved.clone()];
    let wish = texts(&format!("{order}||0|1"));
    let said = cluster.script(keys::RESERVE, &goods, &wish)?;
    ensure!(said[0] == "ok", "{said:?}");
    let line = texts(&format!("{order}|0"));
    cluster.script(keys::RELEASE, &[stock, reserved], &line)?;
    let later = [
        key.clone(),
        keys::queued(order),
        keys::order_intake(user.gene()),
    ];
    let channel = keys::INTAKE_CHANNEL;
    let accept = format!("{tick}|hash|60000|202|{{}}|{{}}|1000|{channel}|event|{{}}");
    let said = cluster.script(keys::ENQUEUE, &later, &texts(&accept))?;
    ensure!(said == ["ok"], "{said:?}");
    let channel = keys::OUTBOX_CHANNEL;
    let done = format!("{tick}|hash|60000|200|{{}}|1|1 7|60000|{channel}|0");
    let ended = [key.clone(), cached.clone()];
    cluster.script(keys::COMPLETE, &ended, &texts(&done))?;
    cluster.script(keys::CACHE_ORDER, &[cached], &texts("2|2 7|60000"))?;
    let held = format!("{tick}|{}", keys::PROCESSING);
    cluster.script(keys::FREE, &[key], &texts(&held))?;
    Ok(())
}

/// What is counted before an order is placed.
fn count(cluster: &mut Cluster, user: UserId) -> Result<()> {
    let window = [keys::rate_limit(user)];
    let said = cluster.script(keys::WINDOW, &window, &texts("10|60000"))?;
    ensure!(said[0] == "1", "{said:?}");
    let networks = [
        keys::requests_network(&format!("192.0.2.{}", user.get() % 256)),
        keys::login_network("2001:db8::"),
        keys::login_account("ab"),
    ];
    for network in networks {
        let said = cluster.script(keys::BUCKET, &[network], &texts("1000|0.200"))?;
        ensure!(said == ["0"], "{said:?}");
    }
    Ok(())
}

#[test]
fn every_script_keeps_to_one_slot_and_one_master_is_not_all() -> Result<()> {
    let home = Home::temporary()?;
    let servers = RedisCluster::start(&home)?;
    let mut cluster = Cluster::of(&servers)?;
    for number in 1..40 {
        let (product, user) = (ProductId(number), UserId::new(number * 7));
        let order = sell(&mut cluster, product, user)?;
        place(&mut cluster, product, user, order)?;
        count(&mut cluster, user)?;
    }
    let all: BTreeSet<&str> = SCRIPTS.iter().map(|script| script.name).collect();
    ensure!(
        cluster.used == all,
        "not run: {:?}",
        all.difference(&cluster.used)
    );

    servers.masters[0].process.kill();
    let (mut served, mut refused) = (0, 0);
    for number in 1..40 {
        let product = ProductId(number);
        let keys_of = [keys::stock(product), keys::reserved(product)];
        let mut slot = redis::cmd("CLUSTER");
        slot.arg("KEYSLOT").arg(&keys_of[0]);
        let slot: u16 = slot.query(&mut cluster.masters[1])?;
        let lost = servers.masters[0].slots.contains(&slot);
        let arguments = texts("seckill-2|0|1");
        match cluster.script(keys::SET_ASIDE, &keys_of, &arguments) {
            Ok(_) if !lost => served += 1,
            Err(_) if lost => refused += 1,
            other => anyhow::bail!("product {number}, slot {slot}, lost {lost}: {other:?}"),
        }
    }
    ensure!(
        served > 0 && refused > 0,
        "{served} served, {refused} refused"
    );
    Ok(())
}
