//! What becomes what: one file for each part of the shop.

mod customer;
mod invoice;
mod order;
mod product;
mod stock;

pub use customer::{CustomerExport, CustomerImport};
pub use invoice::{InvoiceImport, PaymentImport};
pub use order::{NeedsProducts, OrderImport, OrderImporter};
pub use product::{CategoryExport, CategoryImport, ProductExport, ProductImport, TaxImport};
pub use stock::{LocationImport, StockExport, StockImport, WarehouseImport};
