//! Guards against outside systems that never come to an end: cursors that repeat, paging that is ignored, records that
//! need each other. It only looks at ids and cursors.

use std::collections::HashSet;

use super::{digest::short, error::Error};

/// Pages and records that one run may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pages.
    pub pages: u64,
    /// Records.
    pub records: u64,
    /// Pages without a record, one after the other.
    pub empty_pages: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pages: 1_000_000, records: 100_000_000, empty_pages: 100 }
    }
}

/// Watches the pages of one run.
#[derive(Debug, Default)]
pub struct Paging {
    limits: Limits,
    pages: u64,
    records: u64,
    empty: u64,
    /// Cursors that were asked for.
    cursors: HashSet<u64>,
    /// Digests of the id lists of pages.
    lists: HashSet<u64>,
    /// Ids of the page before.
    previous: HashSet<u64>,
}

impl Paging {
    /// Watches under limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Notes the cursor of the page that is about to be asked for.
    pub fn ask(&mut self, cursor: Option<&str>) -> Result<(), Error> {
        self.pages += 1;
        if self.pages > self.limits.pages {
            return Err(Error::TooManyPages { pages: self.limits.pages });
        }
        match cursor {
            Some(cursor) if !self.cursors.insert(short(cursor)) => {
                Err(Error::CursorRepeats { cursor: cursor.to_owned(), page: self.pages })
            }
            _ => Ok(()),
        }
    }

    /// Notes the ids of a page, and whether another one follows.
    pub fn got<'a>(&mut self, ids: impl Iterator<Item = &'a str>, more: bool) -> Result<(), Error> {
        let ids: Vec<u64> = ids.map(short).collect();
        self.records += ids.len() as u64;
        if self.records > self.limits.records {
            return Err(Error::TooManyRecords { records: self.limits.records });
        }
        if ids.is_empty() {
            self.empty += 1;
            return if more && self.empty > self.limits.empty_pages {
                Err(Error::EmptyPages { pages: self.empty })
            } else {
                Ok(())
            };
        }
        self.empty = 0;
        let list = ids.iter().fold(0_u64, |sum, id| sum.rotate_left(5) ^ id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let seen = !self.lists.insert(list) || ids.iter().all(|id| self.previous.contains(id));
        if seen && more && self.pages > 1 {
            return Err(Error::PagingIgnored { page: self.pages });
        }
        self.previous = ids.into_iter().collect();
        Ok(())
    }
}

/// The records that are being imported because others need them, innermost last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain(Vec<(String, String)>);

/// How deep dependencies may lead.
pub const DEPTH: usize = 16;

impl Chain {
    /// Whether nothing is on it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The chain with one more record, unless it is on it already or the chain is too long.
    pub fn with(&self, kind: &str, id: &str) -> Result<Self, Error> {
        let mut longer = self.clone();
        longer.0.push((kind.to_owned(), id.to_owned()));
        if self.0.iter().any(|(k, i)| k == kind && i == id) || longer.0.len() > DEPTH {
            return Err(Error::CyclicDependency { chain: longer.to_string() });
        }
        Ok(longer)
    }
}

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = self.0.iter().map(|(kind, id)| format!("{kind} {id}")).collect();
        f.write_str(&words.join(" → "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_repeats_ends_the_run() {
        let mut paging = Paging::new(Limits::default());
        paging.ask(None).expect("first");
        paging.ask(Some("a")).expect("second");
        paging.ask(Some("b")).expect("third");
        assert!(matches!(paging.ask(Some("a")), Err(Error::CursorRepeats { page: 4, .. })));
    }

    #[test]
    fn a_server_that_ignores_paging_is_noticed_on_the_second_page() {
        let mut paging = Paging::new(Limits::default());
        paging.ask(None).expect("ask");
        paging.got(["1", "2"].into_iter(), true).expect("first");
        paging.ask(Some("2")).expect("ask");
        assert!(matches!(paging.got(["1", "2"].into_iter(), true), Err(Error::PagingIgnored { page: 2 })));
    }

    #[test]
    fn pages_that_overlap_are_fine() {
        let mut paging = Paging::new(Limits::default());
        for page in [["1", "2"], ["2", "3"], ["3", "1"]] {
            paging.ask(None).expect("ask");
            paging.got(page.into_iter(), true).expect("overlap");
        }
    }

    #[test]
    fn what_never_ends_is_ended() {
        let limits = Limits { pages: 3, records: 5, empty_pages: 1 };
        let mut paging = Paging::new(limits);
        for _ in 0..3 {
            paging.ask(None).expect("ask");
        }
        assert!(matches!(paging.ask(None), Err(Error::TooManyPages { pages: 3 })));
        let mut paging = Paging::new(limits);
        paging.got(["1", "2", "3"].into_iter(), true).expect("three");
        assert!(matches!(paging.got(["4", "5", "6"].into_iter(), true), Err(Error::TooManyRecords { records: 5 })));
        let mut paging = Paging::new(limits);
        paging.got(std::iter::empty(), true).expect("one");
        assert!(matches!(paging.got(std::iter::empty(), true), Err(Error::EmptyPages { pages: 2 })));
    }

    #[test]
    fn records_that_need_each_other_are_named() {
        let chain = Chain::default().with("acme.order", "1").expect("one").with("acme.customer", "2").expect("two");
        let error = chain.with("acme.order", "1").expect_err("cycle");
        assert!(error.to_string().contains("acme.order 1 → acme.customer 2 → acme.order 1"), "{error}");
    }
}
