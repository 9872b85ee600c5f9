-- Records that the run of an export still has to account for, a row a chunk, so that a resumed run goes on where it was.
create table export_left(
    run bigint not null references sync_run(id) on delete cascade,
    -- The smallest id that the chunk began with.
    first bigint not null,
    -- Ids in ascending order, eight bytes each, the least significant one first.
    records {blob} not null,
    primary key(run, first)
);
