-- What is to be exported: a record, for a backend and a kind, with all changes that were folded into one send.
create table export_due(
    backend bigint not null,
    kind text not null,
    record bigint not null,
    -- Names of the fields that changed, separated by commas; absent: all of them.
    changed text,
    -- Backends that the changes have passed through, as a JSON list.
    chain text,
    -- Rises with every change that is folded in: a send that did not know of the newest one leaves the row.
    revision bigint not null,
    -- Even where nothing differs from what was sent last.
    forced bigint not null,
    since bigint not null,
    primary key(backend, kind, record)
);

-- External ids that removed records were bound to, until the outbox's reader has seen their tombstone.
create table outbox_bound(
    model bigint not null,
    record bigint not null,
    backend bigint not null,
    kind text not null,
    external_id text not null,
    primary key(model, record, backend, kind)
);
create index intent_kind on intent(backend, kind) where state <> 3;
