//! A message that was given up and is tried once more gets its units again before it becomes an order, or it does not
//! become one: in Redis by a script, in the database as the function would have reserved them.

use super::compensate::{Promised, promised};
use crate::clients::database::Database;
use crate::clients::redis::{Call, Redis};
use crate::loops::stock::message::{Line, StockMove};
use crate::loops::stock::plan::plan;
use crate::loops::stock::rows::{self, Lock};
use crate::loops::stock::{LineState, apply};
use contract::store::redis::{Script, reserved, seckill_buyers, stock};
use contract::wire::intake::{Accepted, Intake, Purchase};
use domain::stock::StockEffect;
use domain::{Order, ProductId, SkuId, StockMode};

const RETAKE: Script = Script {
    name: "retake",
    text: include_str!("retake.lua"),
};

/// Promises the units again to a message whose order is not there; does nothing for one that still has them. False
/// where they are not there any more.
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
                let head = [one.order.to_string(), String::new(), String::new()];
                retake(one.product, head, &one.lines)
            };
            promised(accepted).into_iter().map(call).collect::<Vec<_>>()
        }
    };
    let taken: Vec<u8> = redis.run(&RETAKE, &calls).await?;
    Ok(taken.into_iter().all(|taken| taken == 1))
}

fn retake_purchase(purchase: &Purchase) -> Option<Call> {
    let (sale, user) = (purchase.sale()?, purchase.user.id.get());
    let head = [
        purchase.order.to_string(),
        ":q".to_owned(),
        user.to_string(),
    ];
    let lines = [(purchase.sku, purchase.quantity)];
    let mut call = retake(purchase.product, head, &lines);
    call.keys.push(seckill_buyers(sale));
    Some(call)
}

/// `head`: order, mark, buyer.
fn retake(product: ProductId, head: [String; 3], lines: &[(SkuId, u32)]) -> Call {
    let mut arguments = head.to_vec();
    for (sku, quantity) in lines {
        arguments.extend([sku.0.to_string(), quantity.to_string()]);
    }
    Call {
        keys: vec![stock(product), reserved(product)],
        arguments,
    }
}

/// The reservation of an order's database lines, all or none. One that is there already stays; where the order never
/// comes, the sweep finds it by its age like any other.
async fn in_database(inventory: &Database, accepted: &Accepted) -> anyhow::Result<bool> {
    let Some(wanted) = reservation(accepted) else {
        return Ok(true);
    };
    let moves = std::slice::from_ref(&wanted);
    let mut tx = inventory.begin().await?;
    let mut logs = rows::logs(&mut tx, &[wanted.order], Lock::Yes).await?;
    // The order is not there: whatever was rolled back under its id was a reservation without an order.
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

/// `None` where the database keeps none of its lines.
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
