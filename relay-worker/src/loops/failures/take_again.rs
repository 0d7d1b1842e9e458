//! Reserves the units of a retried message again, as they may have been released: without them it does not become an
//! order. In Redis by a script, in the database as the function would have reserved them.

use super::compensate::{Promised, promised};
use crate::clients::database::Database;
use crate::clients::redis::Redis;
use crate::loops::stock::message::{Line, StockMove};
use crate::loops::stock::plan::plan;
use crate::loops::stock::rows::{self, Lock};
use crate::loops::stock::{LineState, apply};
use contract::store::call::Call;
use contract::store::redis::{Script, reserved, seckill_buyers, stock};
use contract::wire::intake::{Accepted, Intake, Purchase};
use domain::stock::StockEffect;
use domain::{Order, SkuId, StockMode};

const RETAKE: Script = Script {
    name: "retake",
    text: include_str!("retake.lua"),
};

/// Reserves the units again for a message whose order does not exist; changes nothing for one that still has them.
/// `false` where they are not available any more.
///
/// # Errors
/// When a server is away.
pub async fn take_again(
    redis: &Redis,
    inventory: &Database,
    intake: &Intake,
) -> anyhow::Result<bool> {
    let calls = match intake {
        Intake::Purchase(purchase) => retake_purchase(purchase).into_iter().collect(),
        Intake::Order(accepted) => {
            if !in_database(inventory, accepted).await? {
                return Ok(false);
            }
            let call = |one: Promised| {
                let keys = [stock(one.product), reserved(one.product)];
                let call = Call::new(&RETAKE, keys).arg(one.order).text("").text("");
                with_lines(call, &one.lines)
            };
            promised(accepted).into_iter().map(call).collect::<Vec<_>>()
        }
    };
    let taken: Vec<u8> = redis.run(&calls).await?;
    Ok(taken.into_iter().all(|taken| taken == 1))
}

fn retake_purchase(purchase: &Purchase) -> Option<Call<'static>> {
    let (sale, product) = (purchase.sale()?, purchase.product);
    let keys = [stock(product), reserved(product), seckill_buyers(sale)];
    let call = Call::new(&RETAKE, keys)
        .arg(purchase.order)
        .text(":q")
        .arg(purchase.user.id.get());
    Some(with_lines(call, &[(purchase.sku, purchase.quantity)]))
}

fn with_lines<'a>(call: Call<'a>, lines: &[(SkuId, u32)]) -> Call<'a> {
    let numbers = lines.iter();
    call.args(numbers.flat_map(|(sku, quantity)| [sku.0, u64::from(*quantity)]))
}

/// Reserves an order's database lines, all or none. What is reserved already stays; where the order never comes, the
/// sweep finds the reservation by its age.
async fn in_database(inventory: &Database, accepted: &Accepted) -> anyhow::Result<bool> {
    let Some(wanted) = reservation(accepted) else {
        return Ok(true);
    };
    let moves = std::slice::from_ref(&wanted);
    let mut tx = inventory.begin().await?;
    let mut logs = rows::logs(&mut tx, &[wanted.order], Lock::Yes).await?;
    // The order does not exist: whatever was rolled back under its id was a reservation without an order.
    rows::forget_logs(&mut tx, &[wanted.order], LineState::RolledBack).await?;
    logs.retain(|_, logged| logged.state != LineState::RolledBack);
    let stock = rows::inventory(&mut tx, &apply::products(moves), Lock::Yes).await?;
    let plan = plan(moves, logs, stock.clone());
    if !plan.refused.is_empty() {
        return Ok(false);
    }
    rows::put_inventory(&mut tx, &stock, &plan.stock).await?;
    rows::put_logs(&mut tx, &plan.logs).await?;
    tx.commit().await?;
    Ok(true)
}

/// `None` where no line is in stock mode `db`.
fn reservation(accepted: &Accepted) -> Option<StockMove> {
    let order = Order::try_from(accepted.event.order.clone()).ok()?;
    let kept = order.items.iter();
    let lines: Vec<Line> = kept
        .filter(|item| item.stock_mode == StockMode::Db)
        .map(|item| Line {
            product: item.product,
            sku: item.sku,
            quantity: item.quantity,
            mode: item.stock_mode,
        })
        .collect();
    (!lines.is_empty()).then(|| StockMove::unsent(order.id, StockEffect::Reserve, lines))
}
