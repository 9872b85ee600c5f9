//! A connector that misbehaves on request, to test a host with: each of its actions is one harm.
//!
//! It never harms by itself: loading, opening and testing it is safe.
#![forbid(unsafe_code)]

use std::time::Duration;

use bindery_plugin::prelude::*;

/// What it does wrong before any action.
#[derive(Deserialize, JsonSchema)]
pub struct Settings {
    /// Fail the connection test.
    #[serde(default)]
    pub refuse: bool,
}

/// The arguments of actions that need a size or a time.
#[derive(Deserialize, JsonSchema)]
struct Amount {
    /// Bytes, or milliseconds.
    #[serde(default)]
    amount: u64,
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("panic in drop");
    }
}

/// The connector.
pub struct Fault;

impl Connector for Fault {
    const ID: &'static str = "fault";
    type Settings = Settings;

    fn components(c: &mut Components<Self>) {
        c.action("action_ok", "Answer", async |_, _: NoSettings| Ok("ok")).description("Answers at once.");
        c.action("action_panic", "Panic", async |cx: Context<Self>, _: NoSettings| -> Result<()> {
            cx.sleep(Duration::from_millis(1)).await?;
            panic!("panic in poll")
        })
        .description("Panics after it has waited once.");
        c.action("action_panic_in_drop", "Panic in drop", async |cx: Context<Self>, _: NoSettings| {
            let _dropped = PanicsInDrop;
            cx.sleep(Duration::from_millis(1)).await
        })
        .description("Panics while its future is dropped.");
        c.action("action_spin", "Spin", async |_, _: NoSettings| -> Result<()> {
            loop {
                std::hint::spin_loop();
            }
        })
        .description("Never gives its thread back.");
        c.action("action_sleep", "Sleep", async |cx: Context<Self>, time: Amount| {
            cx.sleep(Duration::from_millis(time.amount)).await
        })
        .description("Waits without holding a thread.");
        c.action("action_abort", "Abort", async |_, _: NoSettings| -> Result<()> { std::process::abort() })
            .description("Ends the process that it runs in.");
        c.action("action_huge", "Huge answer", async |_, size: Amount| {
            Ok("x".repeat(usize::try_from(size.amount).unwrap_or(usize::MAX)))
        })
        .description("Answers with as many bytes as it is asked for.");
    }

    async fn test_connection(&self, cx: Context<Self>) -> Result<Report> {
        if cx.settings().refuse { Err(Error::auth("refused, as asked")) } else { Ok(Report::connected("nothing")) }
    }
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
