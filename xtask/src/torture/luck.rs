//! Bad luck: which answers of the shop go wrong, and when which program is killed. The same seed gives the same luck, as
//! far as programs that run beside each other allow.

use std::{process::Command, thread, time::Duration};

use serde_json::{Value, json};

use crate::shop::Shop;

/// Lets a few of the next answers go wrong.
pub(super) fn spoil(shop: &Shop, random: &mut fastrand::Rng) -> Result<usize, String> {
    let count = random.usize(0..4);
    for _ in 0..count {
        let on = random.choice(["GET /products", "GET /products/*", "PUT /products/*", "POST /products", "GET /*"]);
        let body = json!({"on": on, "times": random.u32(1..4), "skip": random.u32(0..3), "fault": fault(random)});
        shop.control("fault", &body)?;
    }
    Ok(count)
}

fn fault(random: &mut fastrand::Rng) -> Value {
    match random.u8(0..6) {
        0 => json!({"kind": "rate_limit", "retry_after": 1}),
        1 => json!({"kind": "status", "status": 500}),
        2 => json!({"kind": "status", "status": 503, "retry_after": 1}),
        3 => json!({"kind": "slow", "chunk": 16, "delay_ms": random.u64(5..100)}),
        4 => json!({"kind": "html"}),
        _ => json!({"kind": "cut", "after": random.usize(0..40)}),
    }
}

/// Kills a process after a random time.
pub(super) fn kill_soon(pid: u32, random: &mut fastrand::Rng) -> thread::JoinHandle<()> {
    let wait = Duration::from_millis(random.u64(0..900));
    thread::spawn(move || {
        thread::sleep(wait);
        // It may have ended by itself, which the round finds out.
        let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
    })
}
