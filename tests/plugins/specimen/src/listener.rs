//! Its listeners, which keep what they heard where a test finds it.

use bindery_plugin::prelude::*;

use crate::Specimen;

/// Keeps what a listener heard. The events of a record are told at once, so each has a key of its own.
async fn keep(what: &str, event: RecordEvent, cx: Context<Specimen>) -> Result<()> {
    info!("heard {what} of {} {}", event.model(), event.record());
    cx.kv(format!("heard {what} {} {}", event.record(), event.number())).set(&event.changed()).await
}

pub(crate) fn declare(c: &mut Components<Specimen>) {
    c.listener("specimen.product.listener", "product.template")
        .changed_by(["list_price"])
        .skip_if(|_, cx| Ok(cx.settings().show == "deaf"))
        .on_record_create(async |event, cx| keep("create", event, cx).await)
        .on_record_write(async |event, cx| keep("write", event, cx).await)
        .on_record_unlink(async |event, cx| keep("unlink", event, cx).await);
    c.listener("specimen.company.listener", "res.partner")
        .among(r#"[["is_company", "=", true]]"#)
        .own_changes()
        .on_record_create(async |event, cx| match event.record() {
            _ if cx.settings().show == "hoarse" => Err(Error::failed("lost its voice")),
            _ => keep("company", event, cx).await,
        });
    c.listener("specimen.plus.listener", "product.category")
        .backend_types(["specimen_plus"])
        .on_record_create(async |event, cx| keep("category", event, cx).await);
}
