//! Makes the plan of a page: compares items with their bindings, has the rest prepared, matched and resolved. Reads
//! only; runs off the writer's thread.

use std::{collections::HashMap, sync::Arc};

use bindery_contract::record::{PrepareItem, Ref};

use super::{
    Error,
    conflict::{self, Decision},
    export::wait,
    mark::Mark,
    matching::{self, Match},
    order,
    page::{Item, Page},
    plan::{Action, Plan, Seen, What, Write},
    prepare::{self, Mapped, Prepared},
    problem::Problem,
    profile::Profile,
    resolve::{self, Wanted},
    session::Behalf,
    target::Target,
};
use crate::{
    base::{Set, Timestamp},
    record::{
        Binding, binding,
        binding::{Glance, Status},
    },
    storage::Store,
};

/// How a page is planned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Map and compare what looks unchanged or up to date too.
    pub force: bool,
    /// Make new records without looking for matching ones: a person decided so.
    pub unmatched: bool,
    /// Bind to this record: a person decided so.
    pub bind_to: Option<i64>,
    /// Whose change stands where both sides changed: a person decided so.
    pub decision: Option<Decision>,
    /// Theirs is taken as it is, whatever changed here since both sides were in step.
    pub anew: bool,
}

/// A plan, and the records that are missing for it.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Records that must be imported before it is applied.
    pub missing: Vec<Ref>,
}

struct Todo {
    item: usize,
    binding: Option<Binding>,
}

/// Plans a page.
pub async fn plan(
    store: &Store,
    target: &Target,
    mut page: Page,
    fetched_at: Timestamp,
    options: &Options,
    behalf: &Behalf,
    profile: &Profile,
) -> Result<Planned, Error> {
    let duplicates = page.drop_duplicates() as i64;
    let asked = std::mem::take(&mut page.asked);
    let page = Arc::new(page);
    let mut plan = Plan::new(target.clone(), page.clone(), fetched_at);
    plan.asked_by_page = asked.len();
    plan.asked = asked;
    plan.settled.offered = (page.items.len() + page.nameless.len()) as i64 + duplicates;
    plan.settled.duplicates = duplicates;
    plan.settled.skipped = duplicates;
    let looking = look_up(store, target, &page, fetched_at, options.force);
    let (known, under_way) = profile.look_up.time_async(looking).await?;
    let todo = compare(&mut plan, known, options);
    let items: Vec<prepare::Item<'_>> = todo.iter().map(|todo| to_prepare(&page, todo, target, options)).collect();
    let prepared = match items[..] {
        [] => Prepared::default(),
        _ => profile.prepare.time_async(prepare::prepare(target, behalf, &items, options.force)).await?,
    };
    let asked = plan.ask(prepared.asked, prepared.asked_besides);
    let mut writes = Vec::new();
    for (todo, mapped) in todo.into_iter().zip(prepared.mapped) {
        let action = |what| Action {
            item: Some(todo.item),
            id: page.items[todo.item].id.clone(),
            seen: todo.binding.as_ref().map(Seen::from),
            what,
        };
        match mapped {
            Mapped::Skip(reason) => plan.actions.push(action(What::Skip { reason })),
            Mapped::Failed(problem) => plan.actions.push(action(What::Quarantine(problem))),
            Mapped::Values(mut write, needs) => {
                write.record = todo.binding.as_ref().and_then(|binding| binding.record).or(options.bind_to);
                write.matched = options.bind_to.is_some() && write.record == options.bind_to;
                write.asked = asked;
                let seen = todo.binding.as_ref().map(Seen::from);
                writes.push(Wanted { item: todo.item, seen, write, needs });
            }
        }
    }
    if writes.is_empty() {
        return Ok(Planned { plan, missing: Vec::new() });
    }
    let (writes, matches) = profile.resolve.time_async(look_up_references(store, target, writes, options)).await?;
    let missing = take(&mut plan, writes, matches);
    order::sort(&mut plan);
    let missing_too = map_matched_again(store, &mut plan, options, behalf).await?;
    if !under_way.is_empty() && !options.unmatched {
        wait::hold(store, &mut plan, under_way).await?;
    }
    conflict::merge(store, &mut plan, options).await?;
    Ok(Planned { plan, missing: [missing, missing_too].concat() })
}

/// Resolves the references of writes, and finds which of our records the new ones match.
async fn look_up_references(
    store: &Store,
    target: &Target,
    writes: Vec<Wanted>,
    options: &Options,
) -> Result<(Vec<resolve::Resolved>, HashMap<usize, Match>), Error> {
    let matches = !options.unmatched && !target.matched_by.is_empty();
    if !matches && !writes.iter().any(Wanted::is_open) {
        // Most pages of flat records: a read would only cost a turn of another thread.
        return Ok((writes.into_iter().map(Into::into).collect(), HashMap::new()));
    }
    let known = target.clone();
    store
        .read(move |tx| -> Result<_, Error> {
            let matches = if matches { matched(tx, &known, &writes)? } else { HashMap::new() };
            Ok((resolve::resolve(tx, &known, writes)?, matches))
        })
        .await
}

/// Records that were matched are no new ones: they are mapped again, without what is only set on new records.
async fn map_matched_again(
    store: &Store,
    plan: &mut Plan,
    options: &Options,
    behalf: &Behalf,
) -> Result<Vec<Ref>, Error> {
    let target = plan.target.clone();
    let page = plan.page.clone();
    let mut again: HashMap<usize, (i64, Option<Seen>)> = HashMap::new();
    for action in &plan.actions {
        if let (What::Write(write), Some(item)) = (&action.what, action.item)
            && write.matched
            && options.bind_to.is_none()
            && let Some(record) = write.record
        {
            again.insert(item, (record, action.seen));
        }
    }
    if again.is_empty() {
        return Ok(Vec::new());
    }
    plan.actions.retain(|action| action.item.is_none_or(|item| !again.contains_key(&item)));
    let mut at: Vec<usize> = again.keys().copied().collect();
    at.sort_unstable();
    let head = |item: usize| PrepareItem { id: page.items[item].id.clone(), ..PrepareItem::default() };
    let items: Vec<prepare::Item<'_>> =
        at.iter().map(|item| prepare::Item { head: head(*item), text: page.text(&page.items[*item]) }).collect();
    let mut wanted = Vec::new();
    let prepared = prepare::prepare(&target, behalf, &items, options.force).await?;
    let asked = plan.ask(prepared.asked, prepared.asked_besides);
    for (item, mapped) in at.into_iter().zip(prepared.mapped) {
        let (record, seen) = again[&item];
        let what = match mapped {
            Mapped::Skip(reason) => What::Skip { reason },
            Mapped::Failed(problem) => What::Quarantine(problem),
            Mapped::Values(mut write, needs) => {
                write.record = Some(record);
                write.matched = true;
                write.asked = asked;
                wanted.push(Wanted { item, seen, write, needs });
                continue;
            }
        };
        plan.actions.push(Action { item: Some(item), id: page.items[item].id.clone(), seen, what });
    }
    let writes = store.read(move |tx| -> Result<_, Error> { Ok(resolve::resolve(tx, &target, wanted)?) }).await?;
    let missing = take(plan, writes, HashMap::new());
    order::sort(plan);
    Ok(missing)
}

/// Resolves again what was open, after dependencies were imported.
pub async fn resolve_again(store: &Store, mut plan: Plan, unmet: &[(Ref, String)]) -> Result<Plan, Error> {
    let target = plan.target.clone();
    let mut wanted = Vec::new();
    let mut rest = Vec::new();
    for action in plan.actions {
        match (action.what, action.item) {
            (What::Write(write), Some(item)) if !write.open.is_empty() => {
                wanted.push(Wanted { item, seen: action.seen, write, needs: Vec::new() });
            }
            (what, item) => rest.push(Action { what, item, ..action }),
        }
    }
    plan.actions = rest;
    let known = target.clone();
    let writes = store.read(move |tx| -> Result<_, Error> { Ok(resolve::resolve(tx, &known, wanted)?) }).await?;
    let left = take(&mut plan, writes, HashMap::new());
    for action in &mut plan.actions {
        let What::Write(write) = &action.what else { continue };
        let open = left.iter().find(|need| write.open.contains(&crate::record::Symbolic::Ref((*need).clone())));
        if let Some((need, why)) = open.and_then(|open| unmet.iter().find(|(need, _)| need == open)) {
            action.what = What::Quarantine(self::unmet(need, why));
        }
    }
    order::sort(&mut plan);
    Ok(plan)
}

/// Which of some records are still not here.
pub async fn still_missing(store: &Store, plan: &Plan, missing: Vec<Ref>) -> Result<Vec<Ref>, Error> {
    let target = plan.target.clone();
    store
        .read(move |tx| -> Result<_, Error> {
            let left = resolve::unbound(tx, &target, missing.iter())?;
            Ok(missing
                .into_iter()
                .filter(|need| left.get(&need.kind).is_some_and(|ids| ids.contains(&need.id)))
                .collect())
        })
        .await
}

/// What is known here of an item.
enum Known {
    Unbound,
    /// Bound, and nothing has changed since it was last in step.
    Unchanged,
    Bound(Box<Binding>),
}

/// What is known of the items of a page, in its order, and our records that are being created there. Whole bindings are
/// read only where something is to be done, `force` all of them.
async fn look_up(
    store: &Store,
    target: &Target,
    page: &Arc<Page>,
    now: Timestamp,
    force: bool,
) -> Result<(Vec<Known>, Vec<i64>), Error> {
    let (target, page) = (target.clone(), page.clone());
    store
        .read(move |tx| -> Result<_, Error> {
            let ids: Vec<&str> = page.items.iter().map(|item| item.id.as_str()).collect();
            let glances = binding::glance(tx, target.session.backend, &target.kind, &ids).map_err(below)?;
            let looks_on = |item: &Item, glance: &Glance| force || item.deleted || !is_unchanged(&target, item, glance);
            let mut known = Vec::with_capacity(ids.len());
            let mut wanted = Vec::new();
            for (item, glance) in page.items.iter().zip(glances) {
                known.push(match glance {
                    None => Known::Unbound,
                    Some(glance) if looks_on(item, &glance) => {
                        wanted.push(item.id.as_str());
                        Known::Unbound
                    }
                    Some(_) => Known::Unchanged,
                });
            }
            if !wanted.is_empty() {
                let found = binding::find_page(tx, target.session.backend, &target.kind, &wanted).map_err(below)?;
                let mut found = found.into_iter().peekable();
                for (place, item) in known.iter_mut().zip(&page.items) {
                    if let Some(binding) = found.next_if(|found| found.external_id.as_deref() == Some(&item.id)) {
                        *place = Known::Bound(Box::new(binding));
                    }
                }
            }
            Ok((known, wait::under_way(tx, &target, now)?))
        })
        .await
}

/// Settles what needs no mapping; answers the rest.
fn compare(plan: &mut Plan, known: Vec<Known>, options: &Options) -> Vec<Todo> {
    let page = plan.page.clone();
    let mut todo = Vec::new();
    for ((at, item), known) in page.items.iter().enumerate().zip(known) {
        let binding = match known {
            Known::Unchanged => {
                plan.settled.unchanged += 1;
                continue;
            }
            Known::Unbound => None,
            Known::Bound(binding) => Some(*binding),
        };
        let seen = binding.as_ref().map(Seen::from);
        let mut push = |what| plan.actions.push(Action { item: Some(at), id: item.id.clone(), seen, what });
        let Some(known) = &binding else {
            if item.deleted {
                plan.settled.skipped += 1;
                plan.settled.gone += 1;
            } else {
                todo.push(Todo { item: at, binding });
            }
            continue;
        };
        if item.deleted {
            push(What::Gone);
        } else if conflict::on_import(&plan.target, item.hash, known) == conflict::Stands::Ours && !options.force {
            // Ours is about to be sent.
            plan.settled.unchanged += 1;
        } else if is_left_out(known) && !options.force && options.bind_to.is_none() && !options.unmatched {
            plan.settled.skipped += 1;
        } else if is_older(item, known) && !options.force {
            plan.settled.unchanged += 1;
        } else if known.record.is_some() && known.sync_date.is_some_and(|date| date > plan.fetched_at) {
            push(What::Requeue);
        } else {
            todo.push(Todo { item: at, binding });
        }
    }
    todo
}

/// Payload, everything that maps it, and our record are as they were after the last sync.
fn is_unchanged(target: &Target, item: &Item, binding: &Glance) -> bool {
    binding.payload_hash == Some(item.hash)
        && binding.map_fingerprint == Some(target.fingerprint)
        && matches!(binding.sync_status, Status::Success | Status::InProgress)
        && binding.retry_count == 0
        && binding.current_version.is_some()
        && binding.record_version == binding.current_version
}

/// A person decided, on review, that it is not imported.
fn is_left_out(binding: &Binding) -> bool {
    binding.record.is_none() && binding.sync_status == Status::Skipped
}

/// What we have is newer: the page was made before the last sync of this record.
fn is_older(item: &Item, binding: &Binding) -> bool {
    let (Some(new), Some(old)) = (&item.updated, &binding.external_updated_at) else { return false };
    new != old
        && binding.sync_status == Status::Success
        && Mark::read(new).compare(&Mark::read(old)) == Some(std::cmp::Ordering::Less)
}

fn to_prepare<'p>(page: &'p Page, todo: &Todo, target: &Target, options: &Options) -> prepare::Item<'p> {
    let item = &page.items[todo.item];
    let bound = todo.binding.as_ref();
    // Digests of rules that were another mapper's tell nothing.
    let same_mapper = bound.filter(|b| b.map_fingerprint == Some(target.fingerprint) && !options.force);
    prepare::Item {
        head: PrepareItem {
            id: item.id.clone(),
            create: bound.and_then(|binding| binding.record).or(options.bind_to).is_none(),
            digests: same_mapper.and_then(|binding| binding.changed_by.clone()),
            only: None,
        },
        text: page.text(item),
    }
}

fn matched(
    tx: &mut dyn crate::storage::Tx,
    target: &Target,
    writes: &[Wanted],
) -> Result<HashMap<usize, Match>, Error> {
    let new: Vec<&Wanted> = writes.iter().filter(|wanted| wanted.write.record.is_none()).collect();
    let values: Vec<_> = new.iter().map(|wanted| &wanted.write.values).collect();
    let found = matching::find(tx, target, &values).map_err(below)?;
    Ok(new.iter().map(|wanted| wanted.item).zip(found).collect())
}

/// Takes resolved writes into the plan; answers what must be imported first.
fn take(plan: &mut Plan, writes: Vec<resolve::Resolved>, mut matches: HashMap<usize, Match>) -> Vec<Ref> {
    let page = plan.page.clone();
    let own: Set<&str> = page.items.iter().map(|item| item.id.as_str()).collect();
    let mut missing: Vec<Ref> = Vec::new();
    let name = plan.target.name().to_owned();
    for resolved in writes {
        let Wanted { item, seen, write, .. } = resolved.wanted;
        let what = match (resolved.problem, matches.remove(&item)) {
            (Some(problem), _) => What::Quarantine(problem),
            (None, Some(Match::Several { reason, records })) => What::Hold { reason, candidates: records },
            (None, found) => {
                for target in resolved.missing {
                    if !(missing.contains(&target) || target.kind == name && own.contains(target.id.as_str())) {
                        missing.push(target);
                    }
                }
                What::Write(with_match(write, found))
            }
        };
        plan.actions.push(Action { item: Some(item), id: page.items[item].id.clone(), seen, what });
    }
    missing
}

fn with_match(mut write: Box<Write>, found: Option<Match>) -> Box<Write> {
    if let Some(Match::One(record)) = found {
        write.record = Some(record);
        write.matched = true;
    }
    write
}

/// A problem for a record whose dependency could not be imported.
fn unmet(target: &Ref, why: &str) -> Problem {
    let mut problem = Problem::unbound(None, &format!("{} {}", target.kind, target.id));
    problem.message = format!("{}: {why}", problem.message);
    problem
}

fn below(error: crate::record::Error) -> Error {
    Error::Below(error.into())
}
