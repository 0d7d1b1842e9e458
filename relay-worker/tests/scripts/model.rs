//! Random histories of one product: orders are reserved, written or lost, paid, cancelled; units are added and taken
//! away, or held by another system; messages are lost, late and repeated; Redis loses everything; the database is
//! rolled back. The scripts run on a real Redis, decisions are the relay's own code; only rows and messages are kept in
//! memory. Nothing is ever oversold, and nothing is left over at the end.

mod changes;
mod steps;

use contract::store::call::Holder;
use contract::store::redis::{RELEASE, RESERVE, SET_ASIDE, SYNC, Script};
use domain::stock::{Inventory, StockEffect};
use domain::{EventId, OrderId, ProductId, SkuId, StockMode, UserId};
use proptest::test_runner::{Config, TestRunner};
use redis::{Connection, FromRedisValue};
use relay_worker::loops::stock::message::{Line, StockMove};
use relay_worker::loops::stock::plan::plan;
use relay_worker::loops::stock::{LineKey, LineState, Logged, Variant};
use relay_worker::loops::sweep::judge::{Disowned, Holders, Intent, Shown, intent, judge};
use stack::{Home, Redis};
use std::collections::{HashMap, HashSet};
use steps::{Step, any_step};

const PRODUCT: ProductId = ProductId(1);
const SEEDED: u32 = 12;
const SALE: u32 = 3;
/// Default number of histories; `MODEL_HISTORIES` sets another.
const HISTORIES: u32 = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Promised,
    Dead,
    Pending,
    Paid,
    Cancelled,
}

/// Contents of the inventory database.
#[derive(Clone, Default)]
struct Books {
    stock: HashMap<Variant, Inventory>,
    logs: HashMap<LineKey, Logged>,
    consumed: HashSet<String>,
    preheated: bool,
    /// Keys of stock changes, and their sum.
    changed: HashSet<u128>,
    added: i64,
    /// Open units of holds, by their keys.
    held: HashMap<u128, u32>,
    /// Units of holds that were sold.
    sold: u32,
}

struct World<'a> {
    redis: &'a mut Connection,
    books: Books,
    copy: Books,
    orders: Vec<(OrderId, u32, Order)>,
    /// Keys of stock changes and holds that were tried.
    keys: u128,
    /// All messages of an order, and how many have been delivered.
    messages: Vec<(Vec<StockMove>, usize)>,
}

impl World<'_> {
    fn run<T: FromRedisValue>(&mut self, script: &Script, arguments: &[String]) -> T {
        let mut keys = vec![
            contract::store::redis::product(PRODUCT),
            contract::store::redis::stock(PRODUCT),
            contract::store::redis::reserved(PRODUCT),
        ];
        if script.name != RESERVE.name {
            keys.remove(0);
        }
        redis::Script::new(script.text)
            .prepare_invoke()
            .key(keys)
            .arg(arguments)
            .invoke(self.redis)
            .unwrap()
    }

    fn load(&mut self) {
        let product = contract::store::redis::product(PRODUCT);
        let fields = "name Tea image i price 250 status 1 mode 0";
        let fields: Vec<&str> = fields.split(' ').collect();
        let _: () = redis::cmd("HSET")
            .arg(product)
            .arg(&fields)
            .query(self.redis)
            .unwrap();
        self.sync(&[]);
    }

    /// Updates Redis from the database and settles these intents.
    fn sync(&mut self, settled: &[(String, SkuId)]) {
        let mut arguments = vec![self.books.stock.len().to_string()];
        for row in self.books.stock.values() {
            let numbers = [row.sku.0, row.available.into(), row.version];
            arguments.extend(numbers.map(|number| number.to_string()));
        }
        for (holder, sku) in settled {
            arguments.extend([holder.clone(), sku.0.to_string()]);
        }
        let _: i64 = self.run(&SYNC, &arguments);
    }

    fn reserve(&mut self, quantity: u32) {
        let tick = 4096 + self.orders.len() as u64;
        let id = OrderId::compose(tick, UserId::new(7).gene()).unwrap();
        let line = [
            id.to_string(),
            String::new(),
            "0".to_owned(),
            quantity.to_string(),
        ];
        for _ in 0..2 {
            let words: Vec<String> = self.run(&RESERVE, &line);
            match words[0].as_str() {
                "ok" => {
                    self.orders.push((id, quantity, Order::Promised));
                    self.messages.push((Vec::new(), 0));
                    return;
                }
                "short" => return,
                "miss" | "unloaded" => self.load(),
                word => panic!("{word}"),
            }
        }
        panic!("it does not stay loaded");
    }

    fn send(&mut self, at: usize, effect: StockEffect) {
        let (order, quantity, _) = self.orders[at];
        let version = self.messages[at].0.len() as u32 + 1;
        let line = Line {
            product: PRODUCT,
            sku: SkuId(0),
            quantity,
            mode: StockMode::Redis,
        };
        self.messages[at].0.push(StockMove {
            message_id: EventId { order, version }.to_string(),
            order,
            effect,
            lines: vec![line],
        });
    }

    fn write(&mut self, at: usize) {
        if self.orders[at].2 == Order::Promised {
            self.orders[at].2 = Order::Pending;
            self.send(at, StockEffect::Reserve);
        }
    }

    fn fail(&mut self, at: usize) {
        if self.orders[at].2 == Order::Promised {
            self.orders[at].2 = Order::Dead;
            let order = self.orders[at].0.to_string();
            let _: i64 = self.run(&RELEASE, &[order, "0".to_owned()]);
        }
    }

    fn change(&mut self, at: usize, to: Order, effect: StockEffect) {
        if self.orders[at].2 == Order::Pending {
            self.orders[at].2 = to;
            self.send(at, effect);
        }
    }

    /// An order that the stock refuses is cancelled, unless it is paid.
    fn deliver(&mut self, at: usize, synced: bool) {
        let (messages, arrived) = &mut self.messages[at];
        let Some(one) = messages.get(*arrived).cloned() else {
            return;
        };
        *arrived += 1;
        self.apply(&one);
        if self
            .books
            .logs
            .get(&(one.order, PRODUCT, SkuId(0)))
            .is_some_and(|logged| logged.state == LineState::Refused)
            && self.orders[at].2 == Order::Pending
        {
            self.change(at, Order::Cancelled, StockEffect::Rollback);
        }
        if synced {
            self.sync(&[(one.order.to_string(), SkuId(0))]);
        }
    }

    fn apply(&mut self, one: &StockMove) {
        if self.books.consumed.insert(one.message_id.clone()) {
            let moves = std::slice::from_ref(one);
            let plan = plan(moves, self.books.logs.clone(), self.books.stock.clone());
            self.books.stock.extend(plan.stock);
            self.books.logs.extend(plan.logs);
        }
    }

    fn hash(&mut self, key: &str) -> Vec<String> {
        redis::cmd("HGETALL").arg(key).query(self.redis).unwrap()
    }

    fn shown(&mut self) -> Shown {
        Shown::read(&self.hash(&contract::store::redis::stock(PRODUCT)))
    }

    /// All intents count as old, except those of requests that may still write their order.
    fn sweep(&mut self) {
        let old = self.hash(&contract::store::redis::reserved(PRODUCT));
        let may_write = |holder: Holder| {
            self.orders
                .iter()
                .any(|(id, _, state)| holder == Holder::Order(*id) && *state == Order::Promised)
        };
        let old: Vec<Intent> = old
            .chunks_exact(2)
            .filter_map(|pair| intent(&pair[0]))
            .filter(|intent| !may_write(intent.holder))
            .collect();
        let exists = |state: Order| !matches!(state, Order::Promised | Order::Dead);
        let known = Holders {
            logged: self.books.logs.keys().copied().collect(),
            existing: self
                .orders
                .iter()
                .filter(|order| exists(order.2))
                .map(|order| order.0)
                .collect(),
            queued: HashSet::new(),
            preheated: self.books.preheated.then_some(SALE).into_iter().collect(),
            changed: self
                .books
                .changed
                .iter()
                .map(|key| (PRODUCT, *key))
                .collect(),
            held: self.books.held.keys().map(|key| (PRODUCT, *key)).collect(),
        };
        let judgement = judge(PRODUCT, &old, &known);
        let shown = self.shown();
        let rows: HashMap<u64, &Inventory> = self
            .books
            .stock
            .values()
            .map(|row| (row.sku.0, row))
            .collect();
        let disowned = shown.disowned(&rows);
        let mut believed = Vec::new();
        for Disowned { sku, seen, row } in disowned {
            let (available, version) = row.map_or((String::new(), String::new()), |row| {
                (row.available.to_string(), row.version.to_string())
            });
            believed.extend([sku.0.to_string(), seen.to_string(), available, version]);
        }
        let believe = Script {
            name: "believe",
            text: include_str!("../../src/loops/sweep/believe.lua"),
        };
        let _: i64 = self.run(&believe, &believed);
        let behind = self.books.stock.values().any(|row| shown.is_behind(row));
        if behind || !judgement.settled.is_empty() {
            let settled = judgement.settled.iter();
            let settled: Vec<_> = settled
                .map(|(holder, sku)| (holder.to_string(), *sku))
                .collect();
            self.sync(&settled);
        }
        for (holder, sku) in judgement.orphaned {
            let _: i64 = self.run(&RELEASE, &[holder.to_string(), sku.0.to_string()]);
        }
    }

    /// Messages that the older copy has not consumed are delivered again.
    fn go_back(&mut self) {
        self.books = self.copy.clone();
        for (messages, arrived) in &mut self.messages {
            let kept = messages
                .iter()
                .position(|one| !self.books.consumed.contains(&one.message_id));
            *arrived = kept.unwrap_or(messages.len()).min(*arrived);
        }
    }

    fn set_aside(&mut self, units: u32, moved: bool) {
        if self.books.preheated {
            return;
        }
        let owner = format!("seckill-{SALE}");
        let wanted = [owner.clone(), "0".to_owned(), units.to_string()];
        let word: String = self.run(&SET_ASIDE, &wanted);
        let ordinary = (PRODUCT, SkuId(0));
        let row = self.books.stock[&ordinary];
        if word != "ok" || !moved || row.available < units {
            return;
        }
        let sku = SkuId(0).of_sale(SALE);
        let taken = Inventory {
            available: row.available - units,
            version: row.version + 1,
            ..row
        };
        let given = Inventory {
            sku,
            available: units,
            locked: 0,
            sold: 0,
            version: 1,
            ..row
        };
        self.books
            .stock
            .extend([(ordinary, taken), ((PRODUCT, sku), given)]);
        self.books.preheated = true;
        self.sync(&[(owner, SkuId(0))]);
    }

    fn step(&mut self, step: &Step) {
        let count = self.orders.len();
        let at = |order: usize| order % count.max(1);
        match step {
            Step::Reserve(quantity) => self.reserve(*quantity),
            Step::Sweep => self.sweep(),
            Step::Flush => redis::cmd("FLUSHDB").query(self.redis).unwrap(),
            Step::Copy => self.copy = self.books.clone(),
            Step::GoBack => self.go_back(),
            Step::SetAside { units, moved } => self.set_aside(*units, *moved),
            Step::Restock { units, synced } => self.restock(*units, *synced),
            Step::Correct { units, again, end } => self.correct(*units, *again, *end),
            Step::Hold { units, again, end } => self.hold(*units, *again, *end),
            Step::Settle { hold, sold, synced } => self.settle(*hold, *sold, *synced),
            _ if count == 0 => {}
            Step::Write(order) => self.write(at(*order)),
            Step::Fail(order) => self.fail(at(*order)),
            Step::Die(order) => {
                let state = &mut self.orders[at(*order)].2;
                if *state == Order::Promised {
                    *state = Order::Dead;
                }
            }
            Step::Pay(order) => self.change(at(*order), Order::Paid, StockEffect::Confirm),
            Step::Cancel(order) => self.change(at(*order), Order::Cancelled, StockEffect::Rollback),
            Step::Deliver {
                order,
                twice,
                synced,
            } => {
                let at = at(*order);
                let (messages, arrived) = &self.messages[at];
                let again = messages.get(*arrived).cloned();
                self.deliver(at, *synced);
                if let Some(one) = again.filter(|_| *twice) {
                    self.apply(&one);
                }
            }
        }
        self.check_sums();
    }

    /// At every step, reserved sums equal their intents and the stock adds up.
    fn check_sums(&mut self) {
        let shown = self.shown();
        let mut sums: HashMap<u64, i64> = HashMap::new();
        for pair in self
            .hash(&contract::store::redis::reserved(PRODUCT))
            .chunks_exact(2)
        {
            let quantity: i64 = pair[1].split(':').next().unwrap().parse().unwrap();
            *sums.entry(intent(&pair[0]).unwrap().sku.0).or_default() += quantity;
        }
        for sku in sums.keys().chain(shown.reserved.keys()) {
            let sum = |of: &HashMap<u64, i64>| of.get(sku).copied().unwrap_or_default();
            assert_eq!(sum(&shown.reserved), sum(&sums), "sku {sku}");
        }
        let seeded: u64 = self.books.stock.values().map(Inventory::seeded).sum();
        assert_eq!(seeded as i64, i64::from(SEEDED) + self.books.added);
        let taken =
            self.books.logs.values().filter(|logged| {
                matches!(logged.state, LineState::Reserved | LineState::Confirmed)
            });
        let taken: u32 = taken.map(|logged| logged.quantity).sum();
        let held: u32 = self.books.held.values().sum();
        assert!(
            u64::from(taken + held + self.books.sold) <= seeded,
            "oversold"
        );
    }

    /// Everything in flight ends; then nothing is reserved, and units taken are those of existing orders.
    fn end(&mut self) {
        for at in 0..self.orders.len() {
            if self.orders[at].2 == Order::Promised {
                self.orders[at].2 = Order::Dead;
            }
        }
        for _ in 0..4 {
            for at in 0..self.orders.len() {
                self.deliver(at, at % 2 == 0);
            }
        }
        for _ in 0..3 {
            self.sweep();
        }
        self.check_sums();
        let intents = self.hash(&contract::store::redis::reserved(PRODUCT));
        assert!(intents.is_empty(), "left over: {intents:?}");
        let shown = self.shown();
        for (sku, version) in &shown.version {
            let row = self.books.stock[&(PRODUCT, SkuId(*sku))];
            assert_eq!(
                (shown.available[sku], *version),
                (row.available.into(), row.version)
            );
        }
        let ordinary = self.books.stock[&(PRODUCT, SkuId(0))];
        let refused = |order: OrderId| {
            let logged = self.books.logs.get(&(order, PRODUCT, SkuId(0)));
            logged.is_some_and(|logged| logged.state == LineState::Refused)
        };
        let standing = |wanted: Order| -> u32 {
            let orders = self
                .orders
                .iter()
                .filter(|order| order.2 == wanted && !refused(order.0));
            orders.map(|order| order.1).sum()
        };
        let held: u32 = self.books.held.values().sum();
        assert_eq!(
            (ordinary.locked, ordinary.sold),
            (
                standing(Order::Pending) + held,
                standing(Order::Paid) + self.books.sold
            )
        );
    }
}

#[test]
fn no_history_sells_what_is_not_there_or_leaves_anything_behind() {
    let home = Home::temporary().unwrap();
    let server = Redis::start(&home, None).unwrap();
    let client = redis::Client::open(server.url()).unwrap();
    let connection = std::cell::RefCell::new(client.get_connection().unwrap());
    let config = Config {
        cases: std::env::var("MODEL_HISTORIES").map_or(HISTORIES, |number| number.parse().unwrap()),
        failure_persistence: None,
        ..Config::default()
    };
    let steps = proptest::collection::vec(any_step(), 1..40);
    let outcome = TestRunner::new(config).run(&steps, |steps| {
        let mut connection = connection.borrow_mut();
        let _: () = redis::cmd("FLUSHDB").query(&mut *connection).unwrap();
        let row = Inventory {
            product: PRODUCT,
            sku: SkuId(0),
            available: SEEDED,
            locked: 0,
            sold: 0,
            version: 1,
        };
        let books = Books {
            stock: HashMap::from([((PRODUCT, SkuId(0)), row)]),
            ..Books::default()
        };
        let mut world = World {
            redis: &mut connection,
            copy: books.clone(),
            books,
            orders: Vec::new(),
            keys: 0,
            messages: Vec::new(),
        };
        for step in &steps {
            world.step(step);
        }
        world.end();
        Ok(())
    });
    outcome.unwrap();
}
