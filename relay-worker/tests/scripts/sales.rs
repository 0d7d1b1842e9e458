//! Flash sales: preheated, bought in, ended and restored.

use crate::table::Table;

/// A running sale of sku 30 with its five units.
const ON: &str = "HSET {p1}:seckill:3 status open starts_at 0 ends_at 99999999999999 sku 30 limit 2 price 99 name Tea image i id 1-3 product 1\n\
    HSET {p1}:stock a:30 5 v:30 1 r:30 3";

fn on(more: &str) -> String {
    format!("{ON}\n{more}")
}

pub fn cases(table: &mut Table) {
    load(table);
    current(table);
    token(table);
    buy(table);
    buy_refused(table);
    refund_and_close(table);
    watch_and_recall(table);
}

fn load(t: &mut Table) {
    let keys = "{p1}:seckill:3 {p1}:seckills";
    t.case("seckill_load", "fresh")
        .call(keys, "1 3 5:9 sku 30")
        .gives(
            "open",
            "HMGET {p1}:seckill:3 status sku -> open 30\nHGETALL {p1}:seckills -> 3 5:9",
        );
    t.case("seckill_load", "set aside before, and not known")
        .call(keys, "0 3 5:9 sku 30")
        .gives("lost", "HGET {p1}:seckill:3 status -> lost");
    t.case("seckill_load", "again")
        .before("HSET {p1}:seckill:3 status off sku 29\nHSET {p1}:seckills 2 1:2")
        .call(keys, "0 3 5:9 sku 30")
        .gives(
            "off",
            "HMGET {p1}:seckill:3 status sku -> off 30\nHGETALL {p1}:seckills -> 2 1:2 3 5:9",
        );
    t.case("seckill_load", "over")
        .before("HSET {p1}:seckill:3 status over sku 29")
        .call(keys, "1 3 5:9 sku 30")
        .gives(
            "over",
            "HGET {p1}:seckill:3 sku -> 29\nEXISTS {p1}:seckills -> 0",
        );
}

fn current(t: &mut Table) {
    let (key, never) = ("{p1}:seckills", "99999999999999");
    let of = |sales: &str| format!("HSET {{p1}}:seckills {}", sales.replace('~', never));
    for (name, sales, number) in [
        (
            "the one that runs, whichever was preheated next",
            "1 1:~ 2 99999999999998:~",
            "1",
        ),
        ("the one that runs, though one is over", "1 1:2 2 3:~", "2"),
        (
            "of two that run the one that ends first",
            "1 1:~ 2 1:99999999999998 3 2:~",
            "2",
        ),
        (
            "the next",
            "1 1:2 2 99999999999997:~ 3 99999999999996:~",
            "3",
        ),
        ("the last", "1 1:2 2 1:9 3 1:5", "2"),
    ] {
        let before = of(sales);
        t.case("seckill_current", name)
            .before(&before)
            .call(key, never)
            .gives(number, "");
    }
    t.case("seckill_current", "none")
        .call(key, never)
        .gives("nil", "");
    t.case("seckill_current", "one that is forgotten")
        .before("HSET {p1}:seckills 1 1:2")
        .call(key, "1000")
        .gives("nil", "EXISTS {p1}:seckills -> 0");
}

fn token(t: &mut Table) {
    let keys =
        "{p1}:seckill:3 {p1}:stock {p1}:buyers {p1}:token:7 {p1}:rate {p1}:rate:7 {p1}:product";
    let (ask, issue) = ("7 ab '' 60000 0 0", "7 ab 99 60000 0 0");
    let none = "EXISTS {p1}:token:7 -> 0";
    t.case("seckill_token", "may be minted")
        .before(ON)
        .call(keys, ask)
        .gives("mint", none);
    t.case("seckill_token", "issued")
        .before(ON)
        .call(keys, issue)
        .gives(
            "issued ab 99 60000",
            "HMGET {p1}:token:7 nonce order -> ab 99",
        );
    let held = on("HSET {p1}:token:7 nonce cd order 98\nPEXPIRE {p1}:token:7 60000");
    t.case("seckill_token", "held")
        .before(&held)
        .call(keys, issue)
        .gives("held cd 98 *", "HGET {p1}:token:7 nonce -> cd");
    let bought = on("HSET {p1}:buyers 7 97");
    t.case("seckill_token", "bought")
        .before(&bought)
        .call(keys, ask)
        .gives("bought 97", none);
    let gone = on("HSET {p1}:stock r:30 5");
    t.case("seckill_token", "sold out")
        .before(&gone)
        .call(keys, ask)
        .gives("sold_out", none);
    for (name, facts, reply) in [
        ("unknown", "SET x x", "unloaded"),
        (
            "lost",
            "HSET {p1}:seckill:3 status lost starts_at 0 ends_at 99999999999999 sku 30",
            "unloaded",
        ),
        (
            "closed",
            "HSET {p1}:seckill:3 status over starts_at 0 ends_at 99999999999999 sku 30",
            "over",
        ),
        (
            "past",
            "HSET {p1}:seckill:3 status open starts_at 0 ends_at 1 sku 30",
            "over",
        ),
        (
            "to come",
            "HSET {p1}:seckill:3 status open starts_at 99999999999998 ends_at 99999999999999 sku 30",
            "early 99999999999998",
        ),
        (
            "not on sale",
            "HSET {p1}:seckill:3 status off starts_at 0 ends_at 99999999999999 sku 30",
            "off",
        ),
    ] {
        t.case("seckill_token", name)
            .before(facts)
            .call(keys, ask)
            .gives(reply, none);
    }
    for (name, status, reply) in [
        ("a product that went off sale just now", "0", "off"),
        ("a product on sale", "1", "mint"),
    ] {
        let before = on(&format!("HSET {{p1}}:product status {status}"));
        t.case("seckill_token", name)
            .before(&before)
            .call(keys, ask)
            .gives(reply, none);
    }
    let full = on("SET {p1}:rate 5 PX 60000");
    t.case("seckill_token", "too many of all")
        .before(&full)
        .call(keys, "7 ab '' 60000 5 0")
        .gives("limited *", none);
    t.case("seckill_token", "within both rates")
        .before(ON)
        .call(keys, "7 ab '' 60000 5 1")
        .gives("mint", "MGET {p1}:rate {p1}:rate:7 -> 1 1");
    let full = on("SET {p1}:rate:7 1 PX 60000");
    t.case("seckill_token", "too many of one")
        .before(&full)
        .call(keys, "7 ab '' 60000 5 1")
        .gives("limited *", none);
}

fn buy(t: &mut Table) {
    let keys = "{p1}:seckill:3 {p1}:stock {p1}:reserved {p1}:buyers {p1}:token:7 {p1}:intake {p1}:rate {p1}:rate:7 {p1}:product";
    let held = "HSET {p1}:token:7 nonce ab order 99";
    let wish = "7 ab 2 60000 2 intake 0 0 ref r";
    let nothing =
        "HLEN {p1}:reserved -> 0\nHEXISTS {p1}:buyers 7 -> 0\nHEXISTS {p1}:token:7 used -> 0";
    let ready = on(held);
    t.case("seckill_buy", "bought").before(&ready).call(keys, wish).gives("ok 99",
        "HGET {p1}:stock r:30 -> 5\nHGET {p1}:buyers 7 -> 99\nHGET {p1}:token:7 used -> 2\nHGET {p1}:reserved 99:30 -> *\n\
         XRANGE {p1}:intake - + -> * kind seckill order 99 user 7 seckill 1-3 product 1 sku 30 quantity 2 price 99 name Tea image i at * ref r");
    let behind = format!(
        "{ready}\nXADD {{p1}}:intake 1-1 k v\nHDEL {{p1}}:stock r:30\nHDEL {{p1}}:seckill:3 image"
    );
    t.case("seckill_buy", "behind another")
        .before(&behind)
        .call(keys, wish)
        .gives("ok 99", "XLEN {p1}:intake -> 2\nHGET {p1}:stock r:30 -> 2");
    let used = format!("{ready}\nHSET {{p1}}:token:7 used 2");
    t.case("seckill_buy", "the same once more")
        .before(&used)
        .call(keys, wish)
        .gives("again 99", "HLEN {p1}:reserved -> 0");
    t.case("seckill_buy", "another with a used token")
        .before(&used)
        .call(keys, "7 ab 1 60000 2 intake 0 0")
        .gives("bought 99", "HLEN {p1}:reserved -> 0");
    t.case("seckill_buy", "another's token")
        .before(&ready)
        .call(keys, "7 cd 2 60000 2 intake 0 0")
        .gives("forged", nothing);
    t.case("seckill_buy", "no token")
        .before(ON)
        .call(keys, wish)
        .gives("expired", "HLEN {p1}:reserved -> 0");
    let bought = on("HSET {p1}:buyers 7 97");
    t.case("seckill_buy", "no token any more")
        .before(&bought)
        .call(keys, wish)
        .gives("bought 97", "HLEN {p1}:reserved -> 0");
    let bought = format!("{ready}\nHSET {{p1}}:buyers 7 97");
    t.case("seckill_buy", "bought with another token")
        .before(&bought)
        .call(keys, wish)
        .gives("bought 97", "HLEN {p1}:reserved -> 0");
}

fn buy_refused(t: &mut Table) {
    let keys = "{p1}:seckill:3 {p1}:stock {p1}:reserved {p1}:buyers {p1}:token:7 {p1}:intake {p1}:rate {p1}:rate:7 {p1}:product";
    let held = "HSET {p1}:token:7 nonce ab order 99";
    let wish = "7 ab 2 60000 2 intake 0 0 ref r";
    let nothing =
        "HLEN {p1}:reserved -> 0\nHEXISTS {p1}:buyers 7 -> 0\nHEXISTS {p1}:token:7 used -> 0";
    let ready = on(held);
    t.case("seckill_buy", "more than one may")
        .before(&ready)
        .call(keys, "7 ab 3 60000 2 intake 0 0")
        .gives("limit 2", nothing);
    let off = format!("{ready}\nHSET {{p1}}:product status 0");
    t.case("seckill_buy", "a product that went off sale just now")
        .before(&off)
        .call(keys, wish)
        .gives("off", nothing);
    let gone = format!("{ready}\nHSET {{p1}}:stock r:30 4");
    t.case("seckill_buy", "not so many")
        .before(&gone)
        .call(keys, wish)
        .gives("sold_out", nothing);
    let full = format!("{ready}\nXADD {{p1}}:intake 1-1 k v\nXADD {{p1}}:intake 1-2 k v");
    t.case("seckill_buy", "a full intake")
        .before(&full)
        .call(keys, wish)
        .gives("full", nothing);
    let often = format!("{ready}\nSET {{p1}}:rate 5 PX 60000");
    t.case("seckill_buy", "too often")
        .before(&often)
        .call(keys, "7 ab 2 60000 2 intake 5 0")
        .gives("limited *", nothing);
    t.case("seckill_buy", "not too often")
        .before(&ready)
        .call(keys, "7 ab 2 60000 2 intake 5 5")
        .gives("ok 99", "MGET {p1}:rate {p1}:rate:7 -> 1 1");
    let minute = format!("{ready}\nSET {{p1}}:rate:7 5 PX 60000");
    t.case("seckill_buy", "one too often")
        .before(&minute)
        .call(keys, "7 ab 2 60000 2 intake 5 5")
        .gives("limited *", nothing);
    for (name, facts, reply) in [
        ("unknown", "SET x x", "unloaded"),
        (
            "lost",
            "HSET {p1}:seckill:3 status lost starts_at 0 ends_at 99999999999999",
            "unloaded",
        ),
        (
            "closed",
            "HSET {p1}:seckill:3 status over starts_at 0 ends_at 99999999999999",
            "over",
        ),
        (
            "past",
            "HSET {p1}:seckill:3 status open starts_at 0 ends_at 1",
            "over",
        ),
        (
            "to come",
            "HSET {p1}:seckill:3 status open starts_at 99999999999998 ends_at 99999999999999",
            "early",
        ),
        (
            "not on sale",
            "HSET {p1}:seckill:3 status off starts_at 0 ends_at 99999999999999",
            "off",
        ),
    ] {
        let before = format!("{facts}\n{held}");
        t.case("seckill_buy", name)
            .before(&before)
            .call(keys, wish)
            .gives(reply, nothing);
    }
}

fn refund_and_close(t: &mut Table) {
    let keys = "{p1}:stock {p1}:reserved {p1}:buyers {p1}:token:7";
    t.case("seckill_refund", "all of it").before("HSET {p1}:stock r:30 3\nHSET {p1}:reserved 99:30 2:1:q\nHSET {p1}:buyers 7 99\nHSET {p1}:token:7 nonce ab order 99").call(keys, "99 30 7")
        .gives("1", "HGET {p1}:stock r:30 -> 1\nEXISTS {p1}:reserved {p1}:buyers {p1}:token:7 -> 0");
    t.case(
        "seckill_refund",
        "once more, and the buyer has bought again",
    )
    .before("HSET {p1}:stock r:30 1\nHSET {p1}:buyers 7 98\nHSET {p1}:token:7 nonce ab order 98")
    .call(keys, "99 30 7")
    .gives(
        "0",
        "HGET {p1}:stock r:30 -> 1\nHGET {p1}:buyers 7 -> 98\nHGET {p1}:token:7 order -> 98",
    );

    let keys = "{p1}:seckill:3 {p1}:stock {p1}:buyers";
    t.case("seckill_close", "one that sells")
        .before(ON)
        .call(keys, "30 60000")
        .gives(
            "3",
            "HGET {p1}:seckill:3 status -> over\nPERSIST {p1}:seckill:3 -> 1",
        );
    t.case("seckill_close", "once more, nothing promised")
        .before("HSET {p1}:seckill:3 status over\nPEXPIRE {p1}:seckill:3 1000000")
        .call(keys, "30 60000000000")
        .gives("0", "EXPIRETIME {p1}:seckill:3 -> *");
    t.case("seckill_close", "one that is forgotten")
        .call(keys, "30 60000")
        .gives("-1", "EXISTS {p1}:seckill:3 -> 0");
    t.case("seckill_close", "one that is forgotten and has promises")
        .before("HSET {p1}:stock r:30 2")
        .call(keys, "30 60000")
        .gives("2", "EXISTS {p1}:seckill:3 -> 0");
    t.case("seckill_close", "one that is being brought back, for good")
        .before("HSET {p1}:seckill:3 status lost recall m")
        .call(keys, "30 60000")
        .gives("-1", "HMGET {p1}:seckill:3 status recall -> over over");
    t.case("seckill_close", "one that was lost at its end, once more")
        .before("HSET {p1}:seckill:3 status over recall over")
        .call(keys, "30 60000")
        .gives("-1", "HGET {p1}:seckill:3 status -> over");
}

fn watch_and_recall(t: &mut Table) {
    let keys = "{p1}:seckill:3 {p1}:stock {p1}:seckills";
    for (name, before, wanted, reply, status) in [
        (
            "as it should be",
            "HSET {p1}:seckill:3 status open\nHSET {p1}:stock a:30 1",
            "open",
            "same",
            "open",
        ),
        (
            "its product is taken off sale",
            "HSET {p1}:seckill:3 status open\nHSET {p1}:stock a:30 1",
            "off",
            "off",
            "off",
        ),
        (
            "and put on sale again",
            "HSET {p1}:seckill:3 status off\nHSET {p1}:stock a:30 1",
            "open",
            "open",
            "open",
        ),
        (
            "one that is over stays so",
            "HSET {p1}:seckill:3 status over\nHSET {p1}:stock a:30 1",
            "open",
            "same",
            "over",
        ),
        (
            "being brought back",
            "HSET {p1}:seckill:3 status lost\nHSET {p1}:stock a:30 1",
            "open",
            "lost",
            "lost",
        ),
        (
            "without its stock",
            "HSET {p1}:seckill:3 status open\nHSET {p1}:stock a:0 1",
            "open",
            "lost",
            "open",
        ),
        ("unknown", "HSET {p1}:stock a:30 1", "open", "lost", "nil"),
    ] {
        let (arguments, after) = (
            format!("30 {wanted} 3 5:9"),
            format!("HGET {{p1}}:seckill:3 status -> {status}"),
        );
        t.case("watch", name)
            .before(before)
            .call(keys, &arguments)
            .gives(reply, &after);
    }

    let keys = "{p1}:stock {p1}:reserved {p1}:buyers";
    t.case("adopt", "three, of which one is in the database").call(keys, "30 7 99 2 :q 8 98 1 '' 9 97 0 ''")
        .gives("2", "HGET {p1}:stock r:30 -> 3\nHGETALL {p1}:buyers -> 7 99 8 98 9 97\nHLEN {p1}:reserved -> 2");
    t.case("adopt", "what is known stays")
        .before("HSET {p1}:stock r:30 2\nHSET {p1}:reserved 99:30 2:1\nHSET {p1}:buyers 7 96")
        .call(keys, "30 7 99 2 :q")
        .gives(
            "0",
            "HGET {p1}:stock r:30 -> 2\nHGET {p1}:reserved 99:30 -> 2:1\nHGET {p1}:buyers 7 -> 96",
        );

    let keys = "{p1}:seckill:3 {p1}:seckills";
    t.case("reopen", "all is back")
        .before("HSET {p1}:seckill:3 status lost recall m")
        .call(keys, "m open 3 5:9 sku 30")
        .gives(
            "1",
            "HMGET {p1}:seckill:3 status sku recall -> open 30 nil\nHGET {p1}:seckills 3 -> 5:9",
        );
    t.case("reopen", "lost once more")
        .call(keys, "m open 3 5:9 sku 30")
        .gives("0", "EXISTS {p1}:seckill:3 {p1}:seckills -> 0");
    t.case("reopen", "another relay is at it")
        .before("HSET {p1}:seckill:3 status lost recall n")
        .call(keys, "m open 3 5:9 sku 30")
        .gives("0", "HGET {p1}:seckill:3 status -> lost");
}
