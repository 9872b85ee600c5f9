create table plugin(
    id text primary key,
    version text not null,
    sha256 text not null,
    file text not null,
    isolation text not null check (isolation in ('in_process', 'worker')),
    state text not null check (state in ('ready', 'stale', 'refused')),
    error text,
    manifest text not null,
    installed_at bigint not null
);
