//! A real Elasticsearch: documents follow their orders, a rebuild loses none, and what happened while the relay was
//! down is indexed later.

use crate::world::{World, wait};
use domain::{Order, Status, StockMode};
use stack::{Elasticsearch, Home};
use std::time::{Duration, Instant};

async fn shown(index: &relay_worker::loops::index::Index, order: &Order) -> Option<u64> {
    let versions = index.versions(&[order.id.to_string()]).await.ok()?;
    versions[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_follow_their_orders() {
    let home = Home::temporary().unwrap();
    let elasticsearch = Elasticsearch::start(&home, None).unwrap();
    let index = relay_worker::loops::index::Index::at(&elasticsearch.url());
    let mut world = World::new().await;
    world.set("ELASTICSEARCH_URL", elasticsearch.url());
    world.product(1, StockMode::Redis, 1_000).await;
    let relay = world.relay();
    let warm = world.place(1, 1, 1).await;
    wait("the first document", async || {
        shown(&index, &warm).await == Some(1)
    })
    .await;
    let placed = Instant::now();
    let order = world.place(2, 1, 1).await;
    wait("the next document", async || {
        shown(&index, &order).await == Some(1)
    })
    .await;
    assert!(
        placed.elapsed() < Duration::from_secs(3),
        "{:?}",
        placed.elapsed()
    );
    let order = world.change(order, Status::Completed).await.unwrap();
    wait("its last version", async || {
        shown(&index, &order).await == Some(4)
    })
    .await;
    world.quiet().await;
    let report = world.command("reconcile");
    assert!(report.contains("invariants hold"), "{report}");

    assert!(world.command("reindex").contains("2 orders indexed"));
    let late = world.place(3, 1, 1).await;
    wait("a document in the new index", async || {
        shown(&index, &late).await == Some(1)
    })
    .await;

    // The event goes to the embedded broker, which ends with the relay before the index, which is away, has consumed
    // it.
    elasticsearch.process.kill();
    let missed = world.place(4, 1, 1).await;
    world.quiet().await;
    relay.kill();
    elasticsearch.process.start().unwrap();
    relay.start().unwrap();
    wait("what was missed", async || {
        shown(&index, &missed).await == Some(1)
    })
    .await;
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();
}
