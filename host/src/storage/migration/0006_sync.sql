-- Runs of a sync: one per job and kind, resumed from its last committed page.
create table sync_run(
    id {identity},
    job bigint,
    backend bigint not null,
    kind text not null,
    -- 0 import, 1 export
    direction bigint not null,
    -- 0 running, 1 done, 2 failed, 3 cancelled
    state bigint not null,
    started_at bigint not null,
    ended_at bigint,
    forced bigint not null,
    filtered bigint not null,
    -- Whether it lists everything, so that what it does not list is gone.
    complete bigint not null,
    since text,
    cursor_version bigint not null,
    page_cursor text,
    page_number bigint not null,
    seen_as_of text,
    seen_latest text,
    moved_cursor bigint not null,
    error_code text,
    error text,
    offered bigint not null,
    created bigint not null,
    updated bigint not null,
    unchanged bigint not null,
    skipped bigint not null,
    quarantined bigint not null,
    failed bigint not null,
    matched bigint not null,
    held bigint not null,
    gone bigint not null,
    requeued bigint not null,
    duplicates bigint not null,
    lines bigint not null,
    dependencies bigint not null,
    pages bigint not null
);
create index sync_run_kind on sync_run(backend, kind, id);
create index sync_run_job on sync_run(job);

-- Ids that a complete run has listed, a row a page, so that a resumed run still knows what is gone.
create table sync_seen(
    run bigint not null references sync_run(id) on delete cascade,
    page bigint not null,
    ids {blob} not null,
    primary key(run, page)
);

-- Payloads as they were sent, of records that could not be imported: replayed through a mended mapper.
create table quarantine(
    id {identity},
    backend bigint not null,
    kind text not null,
    -- Absent where the payload has no id.
    binding bigint references binding(id) on delete cascade,
    external_id text,
    run bigint,
    payload text not null,
    external_updated_at text,
    error_code text not null,
    error text not null,
    error_path text,
    error_field text,
    created_at bigint not null,
    updated_at bigint not null
);
create unique index quarantine_binding on quarantine(binding) where binding is not null;
create index quarantine_kind on quarantine(backend, kind, id);

-- Records that several of ours match: a person decides.
create table review(
    id {identity},
    backend bigint not null,
    kind text not null,
    external_id text not null,
    binding bigint references binding(id) on delete cascade,
    -- What the records have in common: fields and their value.
    reason text not null,
    -- Ids of the records that match, as a JSON list.
    candidates text not null,
    payload text not null,
    external_updated_at text,
    created_at bigint not null,
    -- 0 open, 1 bound, 2 created, 3 skipped
    state bigint not null,
    record bigint,
    resolved_at bigint,
    resolved_by text
);
create unique index review_open on review(backend, kind, external_id) where state = 0;

-- What is about to be created there, written before it is sent.
create table intent(
    id {identity},
    backend bigint not null,
    kind text not null,
    record bigint not null,
    idempotency_key text not null unique,
    payload {blob} not null,
    -- 0 planned, 1 sent, 2 known, 3 bound, 4 unknown
    state bigint not null,
    external_id text,
    attempts bigint not null,
    error text,
    created_at bigint not null,
    updated_at bigint not null
);
create unique index intent_open on intent(backend, kind, record) where state <> 3;
