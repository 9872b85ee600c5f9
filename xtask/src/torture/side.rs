//! What of both sides belongs together: products and customers, each with the field that tells them apart and those that are
//! edited.

/// A kind of record on both sides.
pub(super) struct Side {
    /// The connector's kind.
    pub(super) kind: &'static str,
    pub(super) model: &'static str,
    /// Which records of the model are of the kind.
    pub(super) domain: &'static str,
    pub(super) resource: &'static str,
    pub(super) ours_key: &'static str,
    pub(super) theirs_key: &'static str,
    pub(super) ours: [&'static str; 3],
    pub(super) theirs: [&'static str; 3],
}

impl Side {
    pub(super) const PRODUCTS: Self = Self {
        kind: "demo.product",
        model: "product.template",
        domain: "[]",
        resource: "products",
        ours_key: "default_code",
        theirs_key: "sku",
        ours: ["name", "list_price", "description"],
        theirs: ["title", "price", "description"],
    };
    pub(super) const CUSTOMERS: Self = Self {
        kind: "demo.customer",
        model: "res.partner",
        domain: "[('email','!=',False),('parent_id','=',False)]",
        resource: "customers",
        ours_key: "email",
        theirs_key: "email",
        ours: ["name", "phone", "comment"],
        theirs: ["name", "phone", "note"],
    };
    pub(super) const ALL: [Self; 2] = [Self::PRODUCTS, Self::CUSTOMERS];

    /// What a record of the run's own is known by.
    pub(super) fn key(&self, made: &str, number: u32) -> String {
        match self.resource {
            "customers" => format!("{made}-{number:05}@example.org"),
            _ => format!("{made}-{number:05}"),
        }
    }

    /// Whether the run has made a record.
    pub(super) fn is_made(key: &str) -> bool {
        key.starts_with("OURS-") || key.starts_with("THEIRS-")
    }
}
