create table schedule(
  id {identity},
  backend bigint references backend(id) on delete cascade,
  task text not null,
  cron text not null,
  zone text not null,
  jitter bigint not null,
  overlap text not null,
  missed text not null,
  paused bigint not null default 0,
  job text not null,
  -- The next time by the expression, the same with its jitter, and when both were worked out.
  due bigint,
  next bigint,
  planned bigint not null,
  last_at bigint,
  last_outcome text,
  last_job bigint
);
create unique index schedule_of_backend on schedule(backend, task) where backend is not null;
create unique index schedule_of_host on schedule(task) where backend is null;
