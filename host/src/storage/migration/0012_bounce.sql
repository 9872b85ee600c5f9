-- What was sent of a record and came back changed: tells two outside systems that each make something else of a value.
create table bounce(
    binding bigint primary key references binding(id) on delete cascade,
    -- Digests of bodies, each with how often it came back, as JSON.
    trail text not null,
    updated_at bigint not null
);

-- The review list holds exports too: creates of which nobody knows whether they were made, records that bounce.
alter table review add column cause text not null default 'several_matches';
-- Our record that waits to be sent; 0: the item is about a record of theirs.
alter table review add column ours bigint not null default 0;
drop index review_open;
create unique index review_open on review(backend, kind, cause, external_id, ours) where state = 0;
create index review_binding on review(binding);
