//! What Redis knows of a flash sale: from the function that preheats it, or from the relay where Redis lost it.

use domain::{Cents, Ms, SeckillId, SkuId};

/// The facts of a sale, of which `seckill_load` and the relay's `reopen` make the hash that tokens and purchases go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleFacts {
    pub id: SeckillId,
    /// The ordinary sku its units come from.
    pub sku: SkuId,
    pub price: Cents,
    pub per_user_max: u32,
    pub starts_at: Ms,
    pub ends_at: Ms,
    pub name: String,
    pub image: Option<String>,
}

impl SaleFacts {
    /// The sale's own sku.
    pub fn sale_sku(&self) -> SkuId {
        self.sku.of_sale(self.id.number)
    }

    /// As the product's list of sales has it.
    pub fn window(&self) -> String {
        format!("{}:{}", self.starts_at, self.ends_at)
    }

    /// Number and window, under which the product knows the sale, then field, value pairs.
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
