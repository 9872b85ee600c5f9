//! What was deleted in Tryton since a moment.
//!
//! Tryton logs each deletion, but no longer shows which record a log entry is of. It still finds entries by it: so each
//! digit of the ids is asked for, ten questions a digit whatever the number of entries.

use std::collections::BTreeMap;

use bindery_plugin::prelude::*;

use super::{ask, explained};
use crate::{Tryton, wire};

/// Entries looked at in one go.
const ENTRIES: usize = 100;

/// Digits that an id may have.
const DIGITS: usize = 19;

#[derive(Deserialize)]
struct Entry {
    id: u64,
}

/// A page of ids that are gone; after the last one come the records that changed.
pub async fn page(cx: Context<Tryton>, model: &str, since: &str, after: u64) -> Result<Page> {
    let logged = format!(
        "[\"id\",\">\",{after}],[\"event\",\"=\",\"delete\"],[\"create_date\",\">=\",{}]",
        wire::moment(since)?
    );
    let all = format!("{logged},[\"resource\",\"like\",\"{model},%\"]");
    let answer = explained(entries(&cx, &all).await)?;
    let clock = answer.header("date").map(str::to_owned);
    let found: Vec<Entry> = answer.json()?;
    let next = match found.last() {
        Some(last) if found.len() == ENTRIES => format!("deleted:{}", last.id),
        _ => "0".to_owned(),
    };
    let ids = if found.is_empty() { Vec::new() } else { ids(&cx, model, &found).await? };
    let page = Page::of_items([], Some(next)).gone(ids);
    Ok(match clock {
        Some(clock) => page.as_of(clock),
        None => page,
    })
}

/// The ids that log entries are of.
async fn ids(cx: &Context<Tryton>, model: &str, of: &[Entry]) -> Result<Vec<String>> {
    let among: Vec<String> = of.iter().map(|entry| entry.id.to_string()).collect();
    let among = format!("[\"id\",\"in\",[{}]]", among.join(","));
    // From the last digit to the first.
    let mut digits: BTreeMap<u64, Vec<char>> = BTreeMap::new();
    for place in 0..DIGITS {
        let mut any = false;
        for digit in '0'..='9' {
            let ends = format!("[\"resource\",\"like\",\"{model},%{digit}{}\"]", "_".repeat(place));
            let found: Vec<Entry> = entries(cx, &format!("{among},{ends}")).await?.json()?;
            any |= !found.is_empty();
            for entry in found {
                digits.entry(entry.id).or_default().push(digit);
            }
        }
        if !any {
            break;
        }
    }
    Ok(digits.into_values().map(|digits| digits.into_iter().rev().collect()).collect())
}

async fn entries(cx: &Context<Tryton>, domain: &str) -> Result<bindery_plugin::Response> {
    ask(cx, "ir.model.log")
        .query("f", "id")
        .query("d", wire::encoded(&format!("[{domain}]")))
        .query("o", wire::encoded(r#"[["id","ASC"]]"#))
        .query("s", ENTRIES)
        .await
}
