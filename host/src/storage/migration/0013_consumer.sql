-- A consumer of the outbox that fell too far behind was cut off: what it missed it finds only by comparing everything.
alter table outbox_consumer add column cut_off_at bigint;
alter table outbox_consumer add column missed bigint not null default 0;
