//! Every script on a real Redis Cluster of three masters: no script's keys lie in two slots, and a master that is away
//! takes only its own slots along.

use anyhow::{Context, Result, ensure};
use contract::redis::{self as keys, SCRIPTS, Script};
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

    /// Runs a command where its slot is.
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
        Ok(match answer {
            Value::Array(parts) => parts
                .into_iter()
                .map(from_redis_value)
                .collect::<Result<_, _>>()?,
            single => vec![from_redis_value(single)?],
        })
    }
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// A flash sale and an ordinary order, from loading the stock to the last script.
fn life(cluster: &mut Cluster, product: ProductId, user: UserId) -> Result<()> {
    let sale = SeckillId { product, number: 1 };
    let (ordinary, of_sale) = (SkuId(0), SkuId(0).of_sale(1));
    let (stock, reserved) = (keys::stock(product), keys::reserved(product));
    let (sku, sale_sku) = (ordinary.0.to_string(), of_sale.0.to_string());
    let row = |sku: &str, available: &str| texts(&["1", sku, available, "1"]);
    let shelf = [stock.clone(), reserved.clone()];
    cluster.script(keys::SYNC, &shelf, &row(&sku, "100"))?;
    cluster.script(keys::SET_ASIDE, &shelf, &texts(&["seckill-1", &sku, "10"]))?;
    cluster.script(keys::SYNC, &shelf, &row(&sale_sku, "10"))?;
    let (id, of) = (sale.to_string(), product.0.to_string());
    let facts = [
        "1",
        "id",
        &id,
        "product",
        &of,
        "sku",
        &sale_sku,
        "price",
        "990",
        "limit",
        "1",
        "starts_at",
        "0",
        "ends_at",
        "9999999999999",
        "status",
        "open",
        "name",
        "Cup",
        "image",
        "",
    ];
    let current = [keys::seckill(sale), keys::current_seckill(product)];
    cluster.script(keys::SECKILL_LOAD, &current, &texts(&facts))?;
    let tick = cluster.script(
        keys::MINT,
        &[keys::id_counter(user.gene())],
        &texts(&["1704067200000"]),
    )?;
    let order = OrderId::compose(tick[0].parse()?, user.gene()).context("an id")?;
    let (buyer, order_text) = (user.get().to_string(), order.to_string());
    let (buyers, token) = (keys::seckill_buyers(sale), keys::seckill_token(sale, user));
    let ask = [
        keys::seckill(sale),
        stock.clone(),
        buyers.clone(),
        token.clone(),
    ];
    let said = cluster.script(
        keys::SECKILL_TOKEN,
        &ask,
        &texts(&[&buyer, "ab", &order_text, "1000"]),
    )?;
    ensure!(said[0] == "issued", "{said:?}");
    let intake = keys::seckill_intake(product);
    let buy = [
        keys::seckill(sale),
        stock.clone(),
        reserved.clone(),
        buyers.clone(),
        token.clone(),
        intake.clone(),
    ];
    let wish = texts(&[
        &buyer,
        "ab",
        "1",
        "1000",
        "1000",
        keys::INTAKE_CHANNEL,
        "trace",
        "",
    ]);
    let said = cluster.script(keys::SECKILL_BUY, &buy, &wish)?;
    ensure!(said == ["ok", order_text.as_str()], "{said:?}");
    let mut group = redis::cmd("XGROUP");
    group
        .arg("CREATE")
        .arg(&intake)
        .arg(keys::INTAKE_GROUP)
        .arg("0");
    cluster.command(&group)?;
    cluster.script(
        keys::SETTLE_INTAKE,
        &[intake],
        &texts(&[keys::INTAKE_GROUP, "1-1"]),
    )?;
    let back = [stock.clone(), reserved.clone(), buyers, token];
    let said = cluster.script(
        keys::SECKILL_REFUND,
        &back,
        &texts(&[&order_text, &sale_sku, &buyer]),
    )?;
    ensure!(said == ["1"], "{said:?}");
    cluster.script(
        keys::SECKILL_CLOSE,
        &[keys::seckill(sale), stock.clone()],
        &texts(&[&sale_sku]),
    )?;

    let entry = [
        "60000", "1", "name", "Cup", "image", "", "price", "990", "status", "1", "mode", "0",
    ];
    cluster.script(
        keys::CACHE_PRODUCT,
        &[keys::product(product)],
        &texts(&entry),
    )?;
    let key = keys::idempotency(user, "k");
    let admission = [
        key.clone(),
        keys::id_counter(user.gene()),
        keys::rate_limit(user),
    ];
    let admit = texts(&["hash", "60000", "1704067200000", "5", "60000"]);
    let said = cluster.script(keys::ADMIT, &admission, &admit)?;
    let tick = said.get(2).context("a tick")?.clone();
    let goods = [keys::product(product), stock, reserved];
    let said = cluster.script(keys::RESERVE, &goods, &texts(&[&order_text, "", &sku, "1"]))?;
    ensure!(said[0] == "ok", "{said:?}");
    cluster.script(keys::RELEASE, &shelf, &texts(&[&order_text, &sku]))?;
    let later = [
        key.clone(),
        keys::queued(order),
        keys::order_intake(user.gene()),
    ];
    let enqueue = texts(&[
        &tick,
        "hash",
        "60000",
        "202",
        "{}",
        "{}",
        "1000",
        keys::INTAKE_CHANNEL,
        "event",
        "{}",
    ]);
    let said = cluster.script(keys::ENQUEUE, &later, &enqueue)?;
    ensure!(said == ["ok"], "{said:?}");
    let done = texts(&[
        &tick,
        "hash",
        "60000",
        "200",
        "{}",
        "1",
        "1 7\n{}",
        "60000",
        keys::OUTBOX_CHANNEL,
        "0",
    ]);
    cluster.script(keys::COMPLETE, &[key.clone(), keys::order(order)], &done)?;
    cluster.script(
        keys::CACHE_ORDER,
        &[keys::order(order)],
        &texts(&["2", "2 7\n{}", "60000"]),
    )?;
    cluster.script(keys::FREE, &[key], &texts(&[&tick]))?;
    Ok(())
}

#[test]
fn every_script_keeps_to_one_slot_and_one_master_is_not_all() -> Result<()> {
    let home = Home::temporary()?;
    let servers = RedisCluster::start(&home)?;
    let mut cluster = Cluster::of(&servers)?;
    for number in 1..40 {
        life(&mut cluster, ProductId(number), UserId::new(number * 7))?;
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
        let arguments = texts(&["seckill-2", "0", "1"]);
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
