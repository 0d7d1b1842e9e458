//! The largest elements of lists, checked against the size limit of a list's reply: a page of one element always fits.

use crate::api::amount::Amount;
use crate::api::failure::{FailureStatus, FailureView, MESSAGE_CHARS_MAX};
use crate::api::order::{ApiOrder, EnvelopeOrder, OrderView, sample};
use crate::api::product::{ProductView, SKUS_MAX, SaleStatus, SkuView, StockChangeView};
use crate::api::seckill::SeckillView;
use domain::limits::*;
use domain::seckill::SeckillStatus;
use domain::{Cents, OrderItem, ProductId, SkuId, Status, StockMode};
use serde::Serialize;

/// Each character takes six bytes of JSON, more than any other.
fn text(chars: usize) -> String {
    "\u{1}".repeat(chars)
}

fn number() -> String {
    u64::MAX.to_string()
}

fn amount() -> Cents {
    Cents::new(AMOUNT_CENTS_MAX).unwrap()
}

fn bytes(element: &impl Serialize) -> usize {
    serde_json::to_vec(element).unwrap().len()
}

/// Leaves room for the other fields of a list.
const ROOM: usize = LIST_REPLY_BYTES_MAX / 2;

#[test]
fn an_order_of_the_most_lines() {
    let mut order = sample::order();
    order.user.reference = Some(text(USER_REF_CHARS_MAX));
    order.status = Status::Cancelled;
    (order.total, order.discount, order.actual) = (amount(), amount(), amount());
    order.payment_method = Some(text(PAYMENT_METHOD_CHARS_MAX));
    order.shipping_address = Some(text(SHIPPING_ADDRESS_CHARS_MAX));
    order.remark = Some(text(REMARK_CHARS_MAX));
    order.cancel_reason = Some(text(REASON_CHARS_MAX));
    order.paid_at = Some(u64::MAX);
    (order.shipped_at, order.completed_at) = (order.paid_at, order.paid_at);
    order.cancelled_at = order.paid_at;
    let line = OrderItem {
        product: ProductId(u64::MAX),
        sku: SkuId(SECKILL_SKU_MAX).of_sale(SECKILL_NUMBER_MAX),
        name: text(PRODUCT_NAME_CHARS_MAX),
        image: Some(text(PRODUCT_IMAGE_CHARS_MAX)),
        price: amount(),
        quantity: QUANTITY_MAX,
        subtotal: amount(),
        ..order.items[0].clone()
    };
    order.items = vec![line; ITEMS_MAX];
    let view = OrderView::from(&order);
    let envelope = EnvelopeOrder::from(&view);
    assert!(bytes(&view) > 400_000, "as long as it can be");
    assert!(bytes(&view) < ROOM);
    assert!(bytes(&envelope) < ROOM);
    assert!(bytes(&ApiOrder::from(view)) < ROOM);
}

#[test]
fn a_product_of_the_most_skus() {
    let sku = SkuView {
        sku_id: number(),
        stock: u64::MAX,
    };
    let view = ProductView {
        id: number(),
        name: text(PRODUCT_NAME_CHARS_MAX),
        image: Some(text(PRODUCT_IMAGE_CHARS_MAX)),
        price: Amount(amount()),
        stock: u64::MAX,
        skus: vec![sku; SKUS_MAX],
        status: SaleStatus::OffSale.name(),
        stock_mode: StockMode::Redis.name(),
        updated_at: u64::MAX,
    };
    assert!(bytes(&view) < ROOM);
}

#[test]
fn a_failure_of_the_longest_message() {
    let view = FailureView {
        id: number(),
        source: text(64),
        order_id: Some(number()),
        user_id: Some(number()),
        product_id: Some(number()),
        seckill_id: Some(text(64)),
        message_data: text(MESSAGE_CHARS_MAX),
        error_message: text(500),
        retry_count: u32::MAX,
        status: FailureStatus::Processing.name(),
        next_retry_at: Some(u64::MAX),
        created_at: u64::MAX,
        updated_at: u64::MAX,
    };
    assert!(bytes(&view) < ROOM);
}

/// The size of these lists is not checked at run time: no page can be too large.
#[test]
fn every_page_of_flash_sales() {
    let view = SeckillView {
        seckill_id: format!("{}-{}", u64::MAX, u32::MAX),
        product_id: number(),
        sku_id: number(),
        name: text(PRODUCT_NAME_CHARS_MAX),
        price: Amount(amount()),
        stock: u32::MAX,
        available_stock: Some(u64::MAX),
        per_user_limit: u32::MAX,
        starts_at: u64::MAX,
        ends_at: u64::MAX,
        status: SeckillStatus::Planned.name(),
    };
    assert!(bytes(&view) * (PAGE_SIZE_MAX as usize) < ROOM);
}

#[test]
fn every_page_of_stock_changes() {
    let view = StockChangeView {
        id: number(),
        product_id: number(),
        sku_id: number(),
        change: i64::MIN,
        reason: text(REASON_CHARS_MAX),
        available_stock: u64::MAX,
        total_stock: u64::MAX,
        created_at: u64::MAX,
    };
    assert!(bytes(&view) * (PAGE_SIZE_MAX as usize) < ROOM);
}
