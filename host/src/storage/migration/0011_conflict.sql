-- What both sides had when they were last in step: what tells a change of ours from one of theirs, field by field. Kept
-- for kinds that go both ways.
create table agreed(
    binding bigint primary key references binding(id) on delete cascade,
    -- Values by field, as JSON.
    field_values text not null
);

-- Records that were changed on both sides, in the same fields, and that a person decides about.
create table conflict(
    id {identity},
    backend bigint not null,
    kind text not null,
    binding bigint not null references binding(id) on delete cascade,
    record bigint not null,
    external_id text not null,
    payload text not null,
    external_updated_at text,
    -- For each field what was agreed, ours and theirs, as JSON.
    fields text not null,
    created_at bigint not null,
    -- 0 open, 1 settled by a person, 2 gone by itself
    state bigint not null,
    -- Whose value stands, by field and for the rest, as JSON.
    decision text,
    settled_at bigint,
    settled_by text
);
create unique index conflict_open on conflict(binding) where state = 0;
create index conflict_backend on conflict(backend, id);
