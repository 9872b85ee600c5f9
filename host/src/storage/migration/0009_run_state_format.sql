-- The connector's state format that the page cursor of a run is of: a build of another format starts the run over.
alter table sync_run add column state_format bigint;
