-- What of a record is under way to its backend: kept before it is sent, until its answer is taken in. Whatever stops the
-- host in between, a value found there is known as our own. Kept for kinds that go both ways.
create table under_way(
    binding bigint primary key references binding(id) on delete cascade,
    -- Values by field, and those of lines by model and id, as JSON.
    field_values text not null
);
