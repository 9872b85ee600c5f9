-- One job at a time, in order: one that failed, is parked or waits for its next attempt holds up those behind it.
alter table job_channel add column sequential bigint not null default 0;
-- Microseconds for which ended jobs of the channel are kept; absent: as everywhere.
alter table job_channel add column keep_done bigint;
alter table job_channel add column keep_failed bigint;
create index job_held on job(channel) where state in (4, 6, 7) and attempt > 0;
-- 1: called off; 2: goes back into the queue.
create index job_handing_back on job(id) where state = 2 and cancel_requested = 2;
