//! Scripts for users, caches and intake streams.

use crate::table::Table;

pub fn cases(table: &mut Table) {
    admission(table);
    completion(table);
    caches(table);
    streams(table);
    buckets(table);
    windows(table);
}

fn buckets(t: &mut Table) {
    t.case("bucket", "full")
        .call("b", "10 6000")
        .gives("0", "EXISTS b -> 1\nPTTL b -> *");
    t.case("bucket", "full again since long")
        .before("SET b 5")
        .call("b", "1 60000")
        .gives("0", "");
    t.case(
        "bucket",
        "empty, and the clock went back: no longer than it takes to fill",
    )
    .before("SET b 99999999999999")
    .call("b", "10 6000")
    .gives("6000", "GET b -> 99999999999999");
    t.case("bucket", "tokens that come back within a millisecond")
        .call("b", "5000 0.200")
        .gives("0", "");
    t.case("bucket", "the wait is whole")
        .before("SET b 99999999999999")
        .call("b", "3 333.333")
        .gives("334", "");
}

/// That a window ends soon is shown by what moves its end further away: `GT` moves no key that has none.
fn windows(t: &mut Table) {
    t.case("window", "the first")
        .call("w", "2 60000")
        .gives("1 1 60000", "GET w -> 1\nPEXPIRE w 70000 GT -> 1");
    t.case("window", "the last that it takes")
        .before("SET w 1 PX 60000")
        .call("w", "2 60000")
        .gives("1 0 *", "GET w -> 2");
    t.case("window", "one too many, which makes it no longer")
        .before("SET w 2 PX 4000")
        .call("w", "2 60000")
        .gives("0 0 *", "PEXPIRE w 5000 GT -> 1");
    t.case("window", "without an end")
        .before("SET w 7")
        .call("w", "2 60000")
        .gives("0 0 60000", "PEXPIRE w 70000 GT -> 1");
    t.case("window", "the clock went back: no longer than it is")
        .before("SET w 7 PX 3600000")
        .call("w", "2 60000")
        .gives("0 0 60000", "PEXPIRE w 70000 GT -> 1");
}

fn admission(t: &mut Table) {
    let keys = "{u7}:key {u7}:id:7 {u7}:rate";
    t.case("admit", "fresh").call(keys, "hash 60000 1704067200000 0 60000")
        .gives("* admitted *", "HMGET {u7}:key state payload -> processing hash\nEXISTS {u7}:rate -> 0\nEXISTS {u7}:id:7 -> 1");
    t.case("admit", "fresh, within its window")
        .before("SET {u7}:id:7 1")
        .call(keys, "hash 60000 1704067200000 2 60000")
        .gives("* admitted *", "GET {u7}:rate -> 1");
    t.case("admit", "the last of its window")
        .before("SET {u7}:rate 1 PX 60000")
        .call(keys, "hash 60000 1704067200000 2 60000")
        .gives("* admitted *", "GET {u7}:rate -> 2");
    t.case("admit", "one too many")
        .before("SET {u7}:rate 2 PX 60000")
        .call(keys, "hash 60000 1704067200000 2 60000")
        .gives("* limited *", "EXISTS {u7}:key -> 0\nEXISTS {u7}:id:7 -> 0");
    t.case("admit", "one too many, and the clock went back")
        .before("SET {u7}:rate 2 PX 3600000")
        .call(keys, "hash 60000 1704067200000 2 60000")
        .gives(
            "* limited 60000",
            "EXISTS {u7}:key -> 0\nPEXPIRE {u7}:rate 70000 GT -> 1",
        );
    t.case("admit", "never behind the last id")
        .before("SET {u7}:id:7 9000000000000000")
        .call(keys, "hash 60000 1704067200000 0 60000")
        .gives(
            "* admitted 9000000000000001",
            "HGET {u7}:key tick -> 9000000000000001",
        );
    t.case("admit", "held by an unfinished request")
        .before("HSET {u7}:key state processing tick 5 payload hash")
        .call(keys, "hash 60000 1704067200000 1 60000")
        .gives("* processing 5 1 '' ''", "EXISTS {u7}:rate -> 0");
    t.case("admit", "held by an answer to something else")
        .before("HSET {u7}:key state completed tick 5 payload other status 200 body {}")
        .call(keys, "hash 60000 1704067200000 1 60000")
        .gives("* completed 5 0 200 {}", "HGET {u7}:key payload -> other");

    let key = "{u7}:id:7";
    t.case("mint", "the first")
        .call(key, "1704067200000")
        .gives("*", "EXISTS {u7}:id:7 -> 1");
    t.case("mint", "never behind the last")
        .before("SET {u7}:id:7 9000000000000000")
        .call(key, "1704067200000")
        .gives("9000000000000001", "GET {u7}:id:7 -> 9000000000000001");

    t.case("free", "its own")
        .before("HSET {u7}:key state processing tick 5")
        .call("{u7}:key", "5 processing")
        .gives("1", "EXISTS {u7}:key -> 0");
    t.case("free", "an accepted order's that was given up")
        .before("HSET {u7}:key state completed tick 5")
        .call("{u7}:key", "5 completed")
        .gives("1", "EXISTS {u7}:key -> 0");
    for (name, held) in [
        ("another's", "processing tick 6"),
        ("one that is answered", "completed tick 5"),
    ] {
        let before = format!("HSET {{u7}}:key state {held}");
        t.case("free", name)
            .before(&before)
            .call("{u7}:key", "5 processing")
            .gives("0", "EXISTS {u7}:key -> 1");
    }
}

fn completion(t: &mut Table) {
    let (keys, arguments) = (
        "{u7}:key {u7}:order:9",
        "5 hash 60000 200 body 1 value 60000 outbox 0",
    );
    t.case("complete", "its own")
        .before("HSET {u7}:key state processing tick 5 payload hash")
        .call(keys, arguments)
        .gives(
            "1",
            "HMGET {u7}:key state status body -> completed 200 body\nGET {u7}:order:9 -> value",
        );
    t.case("complete", "forgotten meanwhile")
        .call(keys, arguments)
        .gives("1", "HMGET {u7}:key state tick -> completed 5");
    t.case("complete", "another's by now, and a newer order is cached")
        .before("HSET {u7}:key state processing tick 6\nSET {u7}:order:9 2:newer")
        .call(keys, arguments)
        .gives(
            "0",
            "HMGET {u7}:key state tick -> processing 6\nGET {u7}:order:9 -> 2:newer",
        );

    let (keys, arguments) = (
        "{u7}:key {u7}:queued:9 {u7}:intake",
        "5 hash 60000 202 body queued 2 intake event e",
    );
    t.case("enqueue", "the first").before("HSET {u7}:key state processing tick 5").call(keys, arguments)
        .gives("ok", "HMGET {u7}:key state status -> completed 202\nGET {u7}:queued:9 -> queued\nXRANGE {u7}:intake - + -> * kind order event e");
    t.case("enqueue", "behind another")
        .before("HSET {u7}:key state processing tick 5\nXADD {u7}:intake 1-1 kind x")
        .call(keys, arguments)
        .gives("ok", "XLEN {u7}:intake -> 2");
    t.case("enqueue", "full").before("HSET {u7}:key state processing tick 5\nXADD {u7}:intake 1-1 kind x\nXADD {u7}:intake 1-2 kind x").call(keys, arguments)
        .gives("full", "HGET {u7}:key state -> processing\nEXISTS {u7}:queued:9 -> 0");
    t.case("enqueue", "another's by now")
        .before("HSET {u7}:key state processing tick 6")
        .call(keys, arguments)
        .gives("lost", "XLEN {u7}:intake -> 0");
}

fn caches(t: &mut Table) {
    for (name, before, reply, after) in [
        ("none there", "", "1", "3:new"),
        ("an older one", "SET k 2:old", "1", "3:new"),
        ("the same version", "SET k 3:old", "1", "3:new"),
        ("a newer one", "SET k 4:newer", "0", "4:newer"),
        ("one without a version", "SET k absent", "1", "3:new"),
    ] {
        let after = format!("GET k -> {after}");
        t.case("cache_order", name)
            .before(before)
            .call("k", "3 3:new 60000")
            .gives(reply, &after);
    }
    for (name, before, reply, after) in [
        (
            "none there",
            "",
            "1",
            "HMGET k name price absent -> Tea 9 nil",
        ),
        (
            "unknown until now",
            "HSET k updated_at 0 absent 1",
            "1",
            "HGET k absent -> nil",
        ),
        (
            "a newer one",
            "HSET k updated_at 6 name New",
            "0",
            "HGET k name -> New",
        ),
    ] {
        t.case("cache_product", name)
            .before(before)
            .call("k", "60000 5 name Tea price 9")
            .gives(reply, after);
    }
    t.case("product", "known")
        .before("HSET {p1}:product name Tea\nHSET {p1}:stock a:0 5")
        .call("{p1}:product {p1}:stock", "")
        .gives("2 name Tea a:0 5", "");
    t.case("product", "unknown")
        .call("{p1}:product {p1}:stock", "")
        .gives("0", "EXISTS {p1}:product -> 0");
}

fn streams(t: &mut Table) {
    let filled = "XADD s 1-1 k v\nXADD s 1-2 k v\nXGROUP CREATE s g 0\nXREADGROUP GROUP g me COUNT 2 STREAMS s >";
    t.case("settle_intake", "one of two")
        .before(filled)
        .call("s", "g 1-1")
        .gives("1", "XLEN s -> 1\nXPENDING s g -> 1 1-2 1-2 me 1");
    t.case("settle_intake", "once more")
        .before(filled)
        .call("s", "g 1-1 1-9")
        .gives("1", "XLEN s -> 1");

    let consumers = "XADD s 1-1 k v\nXGROUP CREATE s g 0\nXGROUP CREATECONSUMER s g idle\nXGROUP CREATECONSUMER s g me\nXREADGROUP GROUP g busy COUNT 1 STREAMS s >";
    // With -1 ms every consumer has been idle long enough.
    t.case("retire", "one that holds nothing").before(consumers).call("s", "g me -1").gives("1", "XGROUP DELCONSUMER s g busy -> 1\nXGROUP DELCONSUMER s g me -> 0\nXGROUP CREATECONSUMER s g idle -> 1");
    t.case("retire", "a stream that is gone")
        .call("s", "g me -1")
        .gives("0", "EXISTS s -> 0");
    t.case("retire", "none that was seen lately")
        .before(consumers)
        .call("s", "g me 60000")
        .gives("0", "XGROUP CREATECONSUMER s g idle -> 0");

    t.case("forget", "only what ended before")
        .before("ZADD r 10 1 9999999999999 3")
        .call("r", "60000 1 2 3")
        .gives("1", "ZRANGE r 0 -1 -> 3");
}
