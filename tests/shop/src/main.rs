//! `demo-shop`: the shop as a program. Its first line of output says where it listens; it runs until it is ended.
#![expect(clippy::print_stdout, reason = "the address is this program's answer")]

use bindery_shop::{Options, Shop};
use clap::Parser;

/// A web shop to try connectors against.
#[derive(Parser)]
#[command(name = "demo-shop", version)]
struct Arguments {
    /// Port on the loopback address; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Products to sell.
    #[arg(long, default_value_t = 300)]
    products: u64,
    /// Most variants of a product.
    #[arg(long, default_value_t = 2)]
    variants: u64,
    /// Customers who bought before.
    #[arg(long, default_value_t = 100)]
    customers: u64,
    /// Orders they placed.
    #[arg(long, default_value_t = 200)]
    orders: u64,
    /// Bearer token that opens the API.
    #[arg(long, default_value = "demo-token", env = "DEMO_SHOP_TOKEN")]
    token: String,
    /// Keep every change in this file, and come back from it after a kill.
    #[arg(long, value_name = "FILE")]
    keep: Option<std::path::PathBuf>,
}

fn main() {
    let arguments = Arguments::parse();
    let shop = Shop::start(Options {
        products: arguments.products,
        variants: arguments.variants,
        customers: arguments.customers,
        orders: arguments.orders,
        token: arguments.token,
        port: arguments.port,
        keep: arguments.keep,
    });
    println!("{}", serde_json::json!({"url": shop.url(), "token": shop.token()}));
    loop {
        std::thread::park();
    }
}
