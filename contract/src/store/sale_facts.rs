//! What Redis knows of a flash sale: written by the function that preheats it, or by the relay where Redis lost it.

use domain::{Cents, Ms, SeckillId, SkuId};

/// The facts of a sale, which `seckill_load` and the relay's `reopen` write to the hash that tokens and purchases are
/// checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleFacts {
    /// Product and number.
    pub id: SeckillId,
    /// The ordinary sku its units come from.
    pub sku: SkuId,
    /// Of one unit.
    pub price: Cents,
    /// Units one buyer may take, in one order.
    pub per_user_max: u32,
    /// First moment of sale.
    pub starts_at: Ms,
    /// First moment after the sale.
    pub ends_at: Ms,
    /// The product's, for the order.
    pub name: String,
    /// The product's, for the order.
    pub image: Option<String>,
}

impl SaleFacts {
    /// The sale's own sku.
    pub fn sale_sku(&self) -> SkuId {
        self.sku.of_sale(self.id.number)
    }

    /// `<starts_at>:<ends_at>`, as in the product's list of sales.
    pub fn window(&self) -> String {
        format!("{}:{}", self.starts_at, self.ends_at)
    }

    /// Number and window for the product's list of sales, then field, value pairs.
    pub fn arguments(&self) -> Vec<String> {
        let fields = [
            ("id", self.id.to_string()),
            ("product", self.id.product.0.to_string()),
            ("sku", self.sale_sku().0.to_string()),
            ("price", self.price.get().to_string()),
            ("limit", self.per_user_max.to_string()),
            ("starts_at", self.starts_at.to_string()),
            ("ends_at", self.ends_at.to_string()),
            ("name", self.name.clone()),
            ("image", self.image.clone().unwrap_or_default()),
        ];
        let pairs = fields
            .into_iter()
            .flat_map(|(field, value)| [field.to_owned(), value]);
        [self.id.number.to_string(), self.window()]
            .into_iter()
            .chain(pairs)
            .collect()
    }
}
