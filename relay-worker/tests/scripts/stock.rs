//! Reservations: the units that can be reserved are those available in the database (a) less those reserved since (r).

use crate::table::Table;

const SHELF: &str = "{p1}:stock {p1}:reserved";

pub fn cases(table: &mut Table) {
    reserve(table);
    give_and_take(table);
    database_rows(table);
    release_old(table);
    audit(table);
}

fn reserve(t: &mut Table) {
    let keys = "{p1}:product {p1}:stock {p1}:reserved";
    let tea = "HSET {p1}:product name Tea image i price 250 status 1 mode 0\nHSET {p1}:stock a:0 5 v:0 1 a:7 3 v:7 1 r:7 1";
    let untouched = "HLEN {p1}:reserved -> 0\nHMGET {p1}:stock r:0 r:7 -> nil 1";
    t.case("reserve", "both lines").before(tea).call(keys, "9 250 0 5 7 2")
        .gives("ok Tea i 250", "HMGET {p1}:stock r:0 r:7 -> 5 3\nHMGET {p1}:reserved 9:0 9:7 -> * *\nHSTRLEN {p1}:reserved 9:0 -> 15");
    t.case("reserve", "again, without an expected price")
        .before(&format!(
            "{tea}\nHSET {{p1}}:reserved 9:0 5:1\nHSET {{p1}}:stock r:0 5"
        ))
        .call(keys, "9 '' 0 5")
        .gives(
            "ok Tea i 250",
            "HGET {p1}:stock r:0 -> 5\nHGET {p1}:reserved 9:0 -> 5:1",
        );
    t.case("reserve", "all or none")
        .before(tea)
        .call(keys, "9 '' 0 1 7 3")
        .gives("short 7", untouched);
    t.case("reserve", "a sku that is not loaded")
        .before(tea)
        .call(keys, "9 '' 0 1 8 1")
        .gives("unloaded 8", untouched);
    t.case("reserve", "another price")
        .before(tea)
        .call(keys, "9 251 0 1")
        .gives("price 250", untouched);
    for (name, product, reply) in [
        ("not loaded", "HSET {p1}:product name Tea", "miss"),
        ("unknown", "HSET {p1}:product absent 1", "unknown"),
        (
            "off sale",
            "HSET {p1}:product name Tea image i price 250 status 0 mode 0",
            "off",
        ),
        (
            "kept in the database",
            "HSET {p1}:product name Tea image i price 250 status 1 mode 1",
            "db Tea i 250",
        ),
    ] {
        t.case("reserve", name)
            .before(product)
            .call(keys, "9 '' 0 1")
            .gives(reply, "HLEN {p1}:reserved -> 0");
    }
}

fn give_and_take(t: &mut Table) {
    let held = "HSET {p1}:stock a:0 5 r:0 3 r:7 2\nHSET {p1}:reserved 9:0 2:1 9:7 2:1:q 8:0 1:1";
    t.case("release", "both of an order's, once")
        .before(held)
        .call(SHELF, "9 0 7 0")
        .gives(
            "2",
            "HMGET {p1}:stock r:0 r:7 -> 1 0\nHGETALL {p1}:reserved -> 8:0 1:1",
        );
    t.case("release", "nothing held")
        .before(held)
        .call(SHELF, "6 0")
        .gives("0", "HGET {p1}:stock r:0 -> 3");

    t.case("set_aside", "what is there")
        .before("HSET {p1}:stock a:0 5")
        .call(SHELF, "seckill-3 0 5")
        .gives(
            "ok",
            "HGET {p1}:stock r:0 -> 5\nHGET {p1}:reserved seckill-3:0 -> *",
        );
    t.case("set_aside", "once more")
        .before("HSET {p1}:stock a:0 5 r:0 5\nHSET {p1}:reserved seckill-3:0 5:1")
        .call(SHELF, "seckill-3 0 5")
        .gives("ok", "HGET {p1}:stock r:0 -> 5");
    t.case("set_aside", "not so many")
        .before("HSET {p1}:stock a:0 5 r:0 1")
        .call(SHELF, "seckill-3 0 5")
        .gives("short", "HGET {p1}:stock r:0 -> 1");
    t.case("set_aside", "not loaded")
        .call(SHELF, "seckill-3 0 5")
        .gives("unloaded", "EXISTS {p1}:stock -> 0");

    changes(t);

    let buyers = "{p1}:stock {p1}:reserved {p1}:buyers";
    t.case("retake", "an order's lines")
        .before("HSET {p1}:stock a:0 5 a:7 5 r:7 2\nHSET {p1}:reserved 9:7 2:1")
        .call(SHELF, "9 '' '' 0 5 7 2")
        .gives(
            "1",
            "HMGET {p1}:stock r:0 r:7 -> 5 2\nHGET {p1}:reserved 9:7 -> 2:1",
        );
    t.case("retake", "all or none")
        .before("HSET {p1}:stock a:0 5 a:7 1")
        .call(SHELF, "9 '' '' 0 5 7 2")
        .gives("0", "HLEN {p1}:reserved -> 0\nHGET {p1}:stock r:0 -> nil");
    t.case("retake", "a purchase, with its buyer's turn")
        .before("HSET {p1}:stock a:0 5")
        .call(buyers, "9 :q 7 0 1")
        .gives("1", "HGET {p1}:buyers 7 -> 9\nHGET {p1}:stock r:0 -> 1");
    t.case("retake", "a turn that is another purchase's by now")
        .before("HSET {p1}:stock a:0 5\nHSET {p1}:buyers 7 8")
        .call(buyers, "9 :q 7 0 1")
        .gives("1", "HGET {p1}:buyers 7 -> 8");
}

fn changes(t: &mut Table) {
    let shelf = "HSET {p1}:stock a:0 5 r:0 1";
    t.case("take", "what nobody has reserved")
        .before(shelf)
        .call(SHELF, "change-ab 0 4 7000")
        .gives(
            "ok *",
            "HGET {p1}:stock r:0 -> 5\nHSTRLEN {p1}:reserved change-ab:0 -> 15",
        );
    t.case("take", "not what an order has reserved")
        .before(shelf)
        .call(SHELF, "change-ab 0 5 7000")
        .gives("short", "HGET {p1}:stock r:0 -> 1\nHLEN {p1}:reserved -> 0");
    t.case("take", "of a sku without reservations")
        .before("HSET {p1}:stock a:0 5")
        .call(SHELF, "change-ab 0 5 7000")
        .gives("ok *", "HGET {p1}:stock r:0 -> 5");
    t.case("take", "not loaded")
        .call(SHELF, "change-ab 0 1 7000")
        .gives("unloaded", "EXISTS {p1}:stock -> 0");
    t.case("take", "while an attempt is under way")
        .before(&format!(
            "{shelf}\nHSET {{p1}}:reserved change-ab:0 1:99999999999999"
        ))
        .call(SHELF, "change-ab 0 1 7000")
        .gives("busy *", "HGET {p1}:stock r:0 -> 1");
    t.case("take", "over from an attempt that has ended")
        .before("HSET {p1}:stock a:0 5 r:0 3\nHSET {p1}:reserved change-ab:0 2:1 9:0 1:1")
        .call(SHELF, "change-ab 0 4 7000")
        .gives(
            "ok *",
            "HGET {p1}:stock r:0 -> 5\nHSTRLEN {p1}:reserved change-ab:0 -> 15",
        );

    t.case("take", "for a hold, beside a change with the same hash")
        .before("HSET {p1}:stock a:0 5 r:0 2\nHSET {p1}:reserved change-ab:0 2:99999999999999")
        .call(SHELF, "hold-ab 0 3 7000")
        .gives(
            "ok *",
            "HGET {p1}:stock r:0 -> 5\nHKEYS {p1}:reserved -> change-ab:0 hold-ab:0",
        );

    let taken = "HSET {p1}:stock a:0 5 r:0 3\nHSET {p1}:reserved change-ab:0 2:7 9:0 1:1";
    t.case("put_back", "what the attempt took")
        .before(taken)
        .call(SHELF, "change-ab 0 2:7")
        .gives(
            "1",
            "HGET {p1}:stock r:0 -> 1\nHGETALL {p1}:reserved -> 9:0 1:1",
        );
    t.case("put_back", "not what a later attempt took over")
        .before(taken)
        .call(SHELF, "change-ab 0 2:6")
        .gives("0", "HGET {p1}:stock r:0 -> 3");
}

fn release_old(t: &mut Table) {
    let held =
        "HSET {p1}:stock a:0 5 r:0 3\nHSET {p1}:reserved change-ab:0 2:1 9:0 1:99999999999999";
    t.case("release_old", "one that is old")
        .before(held)
        .call(SHELF, "change-ab 0 30000")
        .gives(
            "1",
            "HGET {p1}:stock r:0 -> 1\nHEXISTS {p1}:reserved change-ab:0 -> 0",
        );
    t.case("release_old", "one that is young by now")
        .before(held)
        .call(SHELF, "9 0 30000")
        .gives("0", "HGET {p1}:stock r:0 -> 3");
    t.case("release_old", "none")
        .before(held)
        .call(SHELF, "8 0 30000")
        .gives("0", "HGET {p1}:stock r:0 -> 3");
}

fn database_rows(t: &mut Table) {
    t.case(
        "sync",
        "the first version, and two intents of which one is gone",
    )
    .before("HSET {p1}:stock r:0 3\nHSET {p1}:reserved 9:0 2:1:q 8:0 1:1")
    .call(SHELF, "1 0 7 4 9 0 6 0")
    .gives(
        "1",
        "HMGET {p1}:stock a:0 v:0 r:0 -> 7 4 1\nHGETALL {p1}:reserved -> 8:0 1:1",
    );
    t.case("sync", "a newer version")
        .before("HSET {p1}:stock a:0 1 v:0 3")
        .call(SHELF, "1 0 7 4")
        .gives("0", "HMGET {p1}:stock a:0 v:0 -> 7 4");
    for (name, version) in [("the same version", "4"), ("an older version", "5")] {
        let before = format!("HSET {{p1}}:stock a:0 1 v:0 {version}");
        t.case("sync", name)
            .before(&before)
            .call(SHELF, "1 0 7 4")
            .gives("0", "HGET {p1}:stock a:0 -> 1");
    }
    t.case("sync", "versions of more than 32 bits")
        .before("HSET {p1}:stock a:0 1 v:0 4294967295")
        .call(SHELF, "1 0 7 4294967296")
        .gives("0", "HMGET {p1}:stock a:0 v:0 -> 7 4294967296");
    t.case("sync", "versions of 53 bits")
        .before("HSET {p1}:stock a:0 1 v:0 9007199254740990")
        .call(SHELF, "1 0 7 9007199254740991")
        .gives("0", "HGET {p1}:stock v:0 -> 9007199254740991");

    let stock = "{p1}:stock";
    t.case("believe", "an older row, and one that is gone")
        .before("HSET {p1}:stock a:0 1 v:0 9 a:7 2 v:7 3 r:7 1")
        .call(stock, "0 9 5 4 7 3 '' ''")
        .gives("2", "HMGET {p1}:stock a:0 v:0 a:7 v:7 r:7 -> 5 4 nil nil 1");
    t.case("believe", "not where a newer version came")
        .before("HSET {p1}:stock a:0 1 v:0 10")
        .call(stock, "0 9 5 4")
        .gives("0", "HMGET {p1}:stock a:0 v:0 -> 1 10");
}

fn audit(t: &mut Table) {
    // Intents dated 1970 are old.
    let young = "99999999999999";
    let intents = format!(
        "HSET {{p1}}:reserved 9:0 2:1 8:0 1:{young} 7:7 4:1:q seckill-3:0 3:1 seckill-4:0 1:{young} junk junk 6:0 x"
    );
    t.case("audit", "sums that are wrong, missing and of nothing")
        .before(&format!("HSET {{p1}}:stock a:0 9 r:0 1 r:8 5\n{intents}"))
        .call(SHELF, "30000 100")
        .gives(
            "ok 3 9:0 7:7:q seckill-3:0 a:0 9 r:0 1 r:8 5",
            "HMGET {p1}:stock r:0 r:7 r:8 -> 7 4 0",
        );
    t.case("audit", "true sums")
        .before("HSET {p1}:stock a:0 9 r:0 2\nHSET {p1}:reserved 9:0 2:1")
        .call(SHELF, "30000 100")
        .gives("ok 0 9:0 a:0 9 r:0 2", "HGET {p1}:stock r:0 -> 2");
    t.case("audit", "a hold that died, and one under way")
        .before(&format!(
            "HSET {{p1}}:stock a:0 9 r:0 3\nHSET {{p1}}:reserved hold-ab:0 2:1 hold-cd:0 1:{young}"
        ))
        .call(SHELF, "30000 100")
        .gives("ok 0 hold-ab:0 a:0 9 r:0 3", "HGET {p1}:stock r:0 -> 3");
    t.case("audit", "too many to look at")
        .before("HSET {p1}:stock r:0 1\nHSET {p1}:reserved 9:0 2:1 8:0 2:1")
        .call(SHELF, "30000 1")
        .gives("many 0", "HGET {p1}:stock r:0 -> 1");
}
