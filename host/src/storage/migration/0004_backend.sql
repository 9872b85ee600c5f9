create table vault(
    id bigint primary key check (id = 1),
    data_id text not null,
    created_at bigint not null
);
create table backend(
    id {identity},
    name text not null unique check (name <> ''),
    type text not null,
    plugin text not null,
    enabled bigint not null check (enabled in (0, 1)),
    epoch bigint not null check (epoch > 0),
    settings text not null,
    business text not null,
    connection_status text not null check (connection_status in ('unknown', 'ok', 'failed')),
    connection_message text,
    checked_at bigint,
    created_at bigint not null,
    updated_at bigint not null
);
create table backend_secret(
    backend bigint not null references backend(id) on delete cascade,
    field text not null check (field <> ''),
    key_id text not null,
    sealed {blob} not null,
    updated_at bigint not null,
    primary key (backend, field)
);
