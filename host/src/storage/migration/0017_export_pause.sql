-- Kinds that can be exported by themselves: what changes while one is not becomes due once it is again.
create table export_pause(
    backend bigint not null,
    kind text not null,
    -- The place in the outbox up to which changes were read for it; absent: it is exported by itself now.
    paused_at bigint,
    primary key(backend, kind)
);
