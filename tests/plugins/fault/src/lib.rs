//! A connector that misbehaves on request, to test a host with: each of its actions, settings and pages is one harm.
//!
//! It never harms by itself: loading, opening, testing and importing from it is safe. What the SDK does not let anybody
//! do (forged call ids, unguarded panics) is done by the raw connector.
#![allow(unsafe_code, reason = "one of the harms is a bad pointer")]

mod page;
mod script;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bindery_plugin::prelude::*;

/// What it does wrong before any action.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Fail the connection test.
    #[serde(default)]
    pub refuse: bool,
    /// Panic while being opened.
    #[serde(default, deserialize_with = "open")]
    #[expect(dead_code, reason = "reading it is the harm")]
    panic_in_open: bool,
    /// Panic while being closed.
    #[serde(default)]
    #[schemars(with = "bool")]
    #[expect(dead_code, reason = "dropping it is the harm")]
    panic_in_close: PanicsInDrop,
    /// Where its requests go.
    #[schemars(extend("host" = true))]
    pub api_url: Option<String>,
}

fn open<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<bool, D::Error> {
    let is_wanted = bool::deserialize(deserializer)?;
    assert!(!is_wanted, "panic in open");
    Ok(is_wanted)
}

/// The arguments of actions that need a size or a time.
#[derive(Deserialize, JsonSchema)]
struct Amount {
    /// Bytes, or milliseconds.
    #[serde(default)]
    amount: u64,
}

/// Panics when it is dropped, where it is asked to.
#[derive(Default, Deserialize)]
#[serde(transparent)]
struct PanicsInDrop(bool);

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        assert!(!self.0, "panic in drop");
    }
}

/// A context that outlives its call, as nobody should keep one.
static KEPT: Mutex<Option<Context<Fault>>> = Mutex::new(None);

/// The connector.
pub struct Fault;

impl Connector for Fault {
    const ID: &'static str = "fault";
    type Settings = Settings;

    const MODELS: &'static [&'static str] = &["product.template"];

    fn components(c: &mut Components<Self>) {
        c.adapter("fault.adapter", page::Adapter);
        c.kind("fault.tag", "product.tag").direction(Direction::Manual).import(page::TagImport);
        c.kind("fault.partner", "res.partner")
            .field("sku", field::text())
            .direction(Direction::Manual)
            .depends_on("parent_id", "fault.partner")
            .import(page::PartnerImport);
        panics(c);
        ends(c);
        holds(c);
        keeps(c);
        c.kind("fault.whole", "res.partner").direction(Direction::Manual).importer(script::Whole);
        c.kind("fault.order", "sale.order");
        c.kind("fault.line", "sale.order.line");
        c.action("action_script", "Script", script::run).description("Asks of the host what a script says.");
    }

    async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
        if cx.settings().refuse { Err(Error::auth("refused, as asked")) } else { Ok(Report::connected("nothing")) }
    }
}

fn panics(c: &mut Components<Fault>) {
    c.action("action_ok", "Answer", async |_, _: NoSettings| Ok("ok")).description("Answers at once.");
    c.action("action_panic", "Panic", async |cx: Context<Fault>, _: NoSettings| -> Result<()> {
        cx.sleep(Duration::from_millis(1)).await?;
        panic!("panic in poll")
    })
    .description("Panics after it has waited once.");
    c.action("action_panic_in_drop", "Panic in drop", async |cx: Context<Fault>, time: Amount| {
        let _dropped = PanicsInDrop(true);
        cx.sleep(Duration::from_millis(time.amount.max(1))).await
    })
    .description("Panics while its future is dropped, after so many milliseconds.");
}

fn ends(c: &mut Components<Fault>) {
    c.action("action_abort", "Abort", async |_, _: NoSettings| -> Result<()> { std::process::abort() })
        .description("Ends the process that it runs in.");
    c.action("action_segv", "Bad pointer", async |_, _: NoSettings| -> Result<()> {
        // SAFETY: none: this is the harm.
        unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
        Ok(())
    })
    .description("Writes where nothing is.");
    c.action("action_overflow", "Stack overflow", async |_, _: NoSettings| Ok(deep(0)))
        .description("Calls itself until the stack is full.");
}

#[expect(unconditional_recursion, reason = "this is the harm")]
fn deep(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 64]);
    deep(here[0] + 1) + here[1]
}

fn holds(c: &mut Components<Fault>) {
    c.action("action_spin", "Spin", async |_, _: NoSettings| -> Result<()> {
        loop {
            std::hint::spin_loop();
        }
    })
    .description("Never gives its thread back.");
    c.action("action_block", "Block", async |_, time: Amount| {
        std::thread::sleep(Duration::from_millis(time.amount));
        Ok(())
    })
    .description("Holds its thread for so many milliseconds.");
    c.action("action_sleep", "Sleep", async |cx: Context<Fault>, time: Amount| {
        cx.sleep(Duration::from_millis(time.amount)).await
    })
    .description("Waits without holding a thread.");
    c.action("action_hang", "Hang", async |_, _: NoSettings| -> Result<()> { std::future::pending().await })
        .description("Never answers, and does not listen.");
    c.action("action_huge", "Huge answer", async |_, size: Amount| {
        Ok("x".repeat(usize::try_from(size.amount).unwrap_or(usize::MAX)))
    })
    .description("Answers with as many bytes as it is asked for.");
}

fn keeps(c: &mut Components<Fault>) {
    c.action("action_keep", "Keep", async |cx: Context<Fault>, _: NoSettings| {
        *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx);
        Ok("kept")
    })
    .description("Keeps its context beyond its call.");
    c.action("action_use_kept", "Use what was kept", async |_, _: NoSettings| {
        let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner).clone();
        kept.ok_or_else(|| Error::invalid("nothing was kept"))?.sleep(Duration::from_millis(1)).await
    })
    .description("Asks the host on behalf of the call that was kept, which has ended or is another's.");
}

export_connector!(Fault);

#[cfg(test)]
mod tests {
    use super::*;
    use bindery_plugin::testing::{Harness, check_manifest};

    #[test]
    fn it_is_sound_until_it_is_asked_not_to_be() {
        check_manifest::<Fault>().expect("sound declarations");
        let fault = Harness::open(Fault, serde_json::json!({})).expect("no settings needed");
        assert_eq!(fault.action("action_ok", serde_json::json!({})).expect("answered"), "ok");
        assert_eq!(fault.action("action_huge", serde_json::json!({"amount": 3})).expect("answered"), "xxx");
        let refusing = Harness::open(Fault, serde_json::json!({"refuse": true})).expect("opened");
        assert_eq!(refusing.test_connection().expect_err("refused").class(), ErrorClass::Auth);
    }
}
