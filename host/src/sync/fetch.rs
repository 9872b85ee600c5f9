//! Fetches pages and single records through the connector, and slices them. It compares and writes nothing.

use bindery_contract::{Frame, op, record::Page as WirePage};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{
    Error, external,
    guard::{Limits, Paging},
    page::{Page, SentPage},
    profile::Profile,
    session::{Asked, Behalf, bad},
    target::Target,
};
use crate::{
    base::{Clock, Timestamp},
    plugin::Scope,
};

/// Which pages are asked for.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Only what changed at or after this.
    pub since: Option<String>,
    /// The page to begin with.
    pub cursor: Option<String>,
    /// Filters given by the operator.
    pub filters: Vec<(String, String)>,
}

/// A page with the moment it was asked for.
pub type Fetched = Result<(Page, Timestamp), Error>;

/// Fetches page after page into a channel, until the last one, an error, or nobody listens any more.
pub async fn pages(
    target: Target,
    behalf: Behalf,
    ask: Ask,
    (limits, clock): (Limits, Clock),
    profile: std::sync::Arc<Profile>,
    into: mpsc::Sender<Fetched>,
) {
    let mut paging = Paging::new(limits);
    let mut cursor = ask.cursor.clone();
    loop {
        let fetched_at = clock.now();
        let page = match paging.ask(cursor.as_deref()) {
            Ok(()) => list(&target, &behalf, &ask, cursor.as_deref(), &profile).await,
            Err(error) => Err(error),
        };
        let page = page.and_then(|page| {
            paging.got(page.items.iter().map(|item| item.id.as_str()), page.next.is_some())?;
            Ok(page)
        });
        let next = page.as_ref().ok().and_then(|page| page.next.clone());
        if into.send(page.map(|page| (page, fetched_at))).await.is_err() || next.is_none() {
            return;
        }
        cursor = next;
    }
}

/// Fetches one page.
pub async fn list(
    target: &Target,
    behalf: &Behalf,
    ask: &Ask,
    cursor: Option<&str>,
    profile: &Profile,
) -> Result<Page, Error> {
    let scope = target.session.scope(behalf);
    let request = op::List {
        kind: target.name().to_owned(),
        since: ask.since.clone(),
        cursor: cursor.map(str::to_owned),
        limit: target.page_size(),
        filters: ask.filters.clone(),
    };
    let answer = profile.fetch.time_async(target.session.call(&scope, op::LIST, &request, &[])).await?;
    let mut page = profile.slice.time(|| sliced(target, &scope, answer))?;
    page.asked.extend(Asked::of(&scope));
    Ok(page)
}

/// Fetches records by their ids, as one page; those that are gone are not on it.
pub async fn read_many(target: &Target, behalf: &Behalf, ids: Vec<String>) -> Result<Page, Error> {
    let scope = target.session.scope(behalf);
    let request = op::ReadMany { kind: target.name().to_owned(), ids };
    let answer = target.session.call(&scope, op::READ_MANY, &request, &[]).await?;
    sliced(target, &scope, answer)
}

fn sliced(target: &Target, scope: &Scope, answer: Vec<u8>) -> Result<Page, Error> {
    let answer = Bytes::from(answer);
    let frame = Frame::decode(&answer).map_err(|error| bad(op::LIST, &error))?;
    match frame.header().map_err(|error| bad(op::LIST, &error))? {
        WirePage::Kept(spec) => {
            let kept = scope
                .kept(spec.handle)
                .ok_or_else(|| bad(op::LIST, &format!("there is no kept body {}", spec.handle)))?;
            scope.release(spec.handle);
            // The `Date` header is the outside system's clock, in the form of HTTP.
            let clock = kept.date.as_deref().and_then(http_date);
            Page::kept(kept.bytes, &spec, &target.digest, clock)
        }
        WirePage::Items { items, next, total, as_of } => {
            let base = answer.as_ptr() as usize;
            let spans: Vec<_> = (frame.segments.iter())
                .map(|segment| {
                    let start = segment.as_ptr() as usize - base;
                    start..start + segment.len()
                })
                .collect();
            let as_of = as_of.map(|clock| http_date(&clock).unwrap_or(clock));
            let page = SentPage { items, next: next.filter(|next| !next.is_empty()), total, as_of };
            Page::sent(answer.clone(), &spans, page, &target.digest)
        }
        WirePage::Unknown => Err(bad(op::LIST, &"the page has a form of a newer contract")),
    }
}

/// Fetches one record, as a page of one.
pub async fn read(target: &Target, behalf: &Behalf, id: &str) -> Result<Page, Error> {
    let scope = target.session.scope(behalf);
    let request = op::Read { kind: target.name().to_owned(), id: id.to_owned() };
    let answer = Bytes::from(target.session.call(&scope, op::READ, &request, &[]).await?);
    let known = external::read(target, &scope, op::READ, Some(id), answer)?;
    let mut page = known.page.ok_or_else(|| bad(op::READ, &"the answer holds no record"))?;
    page.asked.extend(Asked::of(&scope));
    Ok(page)
}

/// `Tue, 24 Nov 2026 10:00:00 GMT` as RFC 3339; what is RFC 3339 already stays.
fn http_date(text: &str) -> Option<String> {
    if text.parse::<jiff::Timestamp>().is_ok() {
        return Some(text.to_owned());
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_an_answer_is_understood() {
        assert_eq!(http_date("Tue, 24 Nov 2026 10:00:00 GMT").as_deref(), Some("2026-11-24T10:00:00Z"));
        assert_eq!(http_date("2026-11-24T10:00:00Z").as_deref(), Some("2026-11-24T10:00:00Z"));
        assert_eq!(http_date("yesterday"), None);
    }
}
