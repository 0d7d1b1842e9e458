//! One platform for all tests of a binary. Tests share it, except while one of them audits it.

use crate::replies;
use anyhow::{Result, ensure};
use platform::{Options, Platform, SHARDS};
use std::ops::Deref;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};

/// Orders with this or a higher status hold no units.
const CANCELLED: u8 = 4;

static BUSY: RwLock<()> = RwLock::new(());

/// A test's use of the shared platform: other tests may run too, but no audit does.
pub struct Visit {
    platform: &'static Platform,
    busy: RwLockReadGuard<'static, ()>,
}

/// The platform that all tests of this binary use concurrently, each with its own users and products. Their replies are
/// shown to three validators.
pub fn shared() -> Visit {
    static SHARED: OnceLock<Platform> = OnceLock::new();
    let platform = SHARED.get_or_init(|| {
        replies::watch();
        Platform::start(Options::default()).unwrap_or_else(|error| panic!("{error:#}"))
    });
    let busy = BUSY.read().unwrap_or_else(PoisonError::into_inner);
    Visit { platform, busy }
}

/// What must hold at every moment; checked once, before the platform could repair anything.
fn never_wrong(platform: &Platform) -> Result<()> {
    let mut lines: Vec<String> = (0..SHARDS)
        .map(|shard| {
            format!(
                "SELECT i.product_id, i.sku_id, i.quantity FROM order_{shard}.t_order_item i \
                 JOIN order_{shard}.t_order o ON o.id = i.order_id WHERE o.status < {CANCELLED}"
            )
        })
        .collect();
    // What other systems hold or have sold.
    lines.extend([
        "SELECT product_id, sku_id, open_units FROM inventory.t_stock_hold".to_owned(),
        "SELECT product_id, sku_id, quantity FROM inventory.t_external_line WHERE state = 1"
            .to_owned(),
    ]);
    let oversold = platform.sql(&format!(
        "SELECT o.product_id, o.sku_id, SUM(o.quantity), s.seeded_stock FROM ({}) o \
         LEFT JOIN inventory.t_inventory s USING (product_id, sku_id) \
         GROUP BY o.product_id, o.sku_id, s.seeded_stock HAVING SUM(o.quantity) > COALESCE(s.seeded_stock, 0)",
        lines.join(" UNION ALL ")
    ))?;
    ensure!(
        oversold.is_empty(),
        "more units in orders than there were (product, sku, ordered, seeded):\n{oversold}"
    );
    let restarted = "relay_loops_restarted_total 0";
    let metrics = platform.metrics_of(&platform.relay)?;
    ensure!(
        metrics.lines().any(|line| line == restarted),
        "a loop of the relay ended by a panic:\n{metrics}"
    );
    Ok(())
}

impl Visit {
    /// Ends this test's use, waits until no test uses the platform, and checks its invariants.
    ///
    /// # Errors
    /// Shows the table if an invariant is broken.
    pub fn audit(self) -> Result<String> {
        drop(self.busy);
        let _alone = BUSY.write().unwrap_or_else(PoisonError::into_inner);
        never_wrong(self.platform)?;
        self.platform.reconcile()
    }
}

impl Deref for Visit {
    type Target = Platform;

    fn deref(&self) -> &Platform {
        self.platform
    }
}
