//! What came back from a send: an import of the record that it tells of, mapped and looked up, before anything is written.

use bindery_contract::record::PrepareItem;

use crate::sync::{
    Error,
    digest::Hash,
    engine::Engine,
    page::Page,
    plan::Write,
    prepare::{self, Mapped},
    resolve::{self, Wanted as Reference},
    session::Behalf,
    target::Target,
};

/// A record as it stands there.
#[derive(Debug, Clone)]
pub struct Theirs {
    /// Digest of its payload.
    pub hash: Hash,
    /// When it was changed last, as told there.
    pub updated: Option<String>,
    /// What it would be here; absent where that can't be told now.
    pub write: Option<Box<Write>>,
}

/// What the record that came back would be here, as an import sees it. An answer that can't be mapped is left to the next
/// import, which tells what is wrong with it.
pub async fn theirs(
    engine: &Engine,
    target: &Target,
    behalf: &Behalf,
    page: Option<Page>,
) -> Result<Option<Theirs>, Error> {
    Ok(theirs_many(engine, target, behalf, &[page]).await?.pop().flatten())
}

/// The same of several records, each of which came back on a page of its own.
pub async fn theirs_many(
    engine: &Engine,
    target: &Target,
    behalf: &Behalf,
    pages: &[Option<Page>],
) -> Result<Vec<Option<Theirs>>, Error> {
    let is_mapped = target.declared.import && !target.has_hook("run");
    let items: Vec<_> =
        pages.iter().map(|page| page.as_ref().and_then(|page| Some((page, page.items.first()?)))).collect();
    let mut all: Vec<Option<Theirs>> = Vec::with_capacity(items.len());
    all.extend(items.iter().map(|item| {
        item.map(|(_, item)| Theirs {
            hash: item.hash,
            updated: item.updated.clone(),
            write: (!is_mapped).then(Box::default),
        })
    }));
    let places: Vec<usize> = (0..items.len()).filter(|place| is_mapped && items[*place].is_some()).collect();
    if places.is_empty() {
        return Ok(all);
    }
    let head = |id: &str| PrepareItem { id: id.to_owned(), ..PrepareItem::default() };
    let texts: Vec<prepare::Item<'_>> = items
        .iter()
        .flatten()
        .map(|(page, item)| prepare::Item { head: head(&item.id), text: page.text(item) })
        .collect();
    // What code asks to be written while it maps an answer is not wanted: it maps the same again at the next import.
    let mapped = prepare::prepare(target, &behalf.plan(), &texts, true).await?.mapped;
    let wanted = places.iter().zip(mapped).filter_map(|(place, mapped)| match mapped {
        Mapped::Values(write, needs) => Some(Reference { item: *place, seen: None, write, needs }),
        _ => None,
    });
    let (known, wanted): (_, Vec<Reference>) = (target.clone(), wanted.collect());
    let resolved = engine.store.read(move |tx| resolve::resolve(tx, &known, wanted)).await?;
    for resolved in resolved {
        let is_clear =
            resolved.problem.is_none() && resolved.missing.is_empty() && resolved.wanted.write.open.is_empty();
        if let Some(theirs) = all[resolved.wanted.item].as_mut().filter(|_| is_clear) {
            theirs.write = Some(resolved.wanted.write);
        }
    }
    Ok(all)
}
