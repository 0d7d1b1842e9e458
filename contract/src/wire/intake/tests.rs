//! Tests of `intake`.

use super::*;

fn fields() -> HashMap<String, Vec<u8>> {
    let order = OrderId::compose(4096, UserId::new(7).gene()).unwrap();
    let sku = SkuId(0).of_sale(3);
    [
        ("kind", "seckill".to_owned()),
        ("order", order.to_string()),
        ("user", "7".to_owned()),
        ("ref", String::new()),
        ("seckill", "1-3".to_owned()),
        ("product", "1".to_owned()),
        ("sku", sku.0.to_string()),
        ("quantity", "2".to_owned()),
        ("price", "990".to_owned()),
        ("name", "Cup".to_owned()),
        ("image", String::new()),
        ("at", "1795264560130".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.into_bytes()))
    .collect()
}

#[test]
fn a_purchase_becomes_a_pending_order() {
    let Ok(Intake::Purchase(purchase)) = Intake::read(&fields()) else {
        panic!("no purchase");
    };
    let order = purchase.order().unwrap();
    assert_eq!((order.actual.get(), order.version), (1980, 1));
    assert_eq!(purchase.sale().unwrap().to_string(), "1-3");
}

#[test]
fn what_is_odd_is_named() {
    for (name, value, why) in [
        ("kind", "x", "kind is unknown"),
        ("order", "0", "order is no order id"),
        ("quantity", "-1", "quantity is no number"),
        ("price", "9999999999999", "price is out of range"),
        ("name", "", "name is missing"),
        ("user", "u", "user is no number"),
    ] {
        let mut fields = fields();
        fields.insert(name.to_owned(), value.as_bytes().to_vec());
        let error = Intake::read(&fields).unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}");
    }
    let mut foreign = fields();
    foreign.insert("user".to_owned(), b"8".to_vec());
    let Ok(Intake::Purchase(purchase)) = Intake::read(&foreign) else {
        panic!("no purchase");
    };
    assert!(purchase.order().is_err(), "an id of another user's gene");
}
