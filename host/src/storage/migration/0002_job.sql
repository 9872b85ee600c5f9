create table job_channel(
  id {identity},
  name text not null,
  parent bigint references job_channel(id),
  capacity bigint,
  interval_millis bigint not null default 0,
  paused bigint not null default 0
);
create unique index job_channel_name on job_channel(name);
insert into job_channel(name) values ('root');

create table job_claim(
  id {identity},
  host text not null,
  process bigint not null,
  boot text not null,
  started bigint not null
);

create table job(
  id {identity},
  root bigint,
  kind text not null,
  payload text not null,
  description text not null,
  backend bigint,
  channel bigint not null references job_channel(id),
  state bigint not null,
  priority bigint not null,
  eta bigint not null,
  created bigint not null,
  max_retries bigint not null,
  retry_pattern text,
  expires bigint,
  timeout bigint,
  identity text,
  scope bigint not null default 0,
  waiting bigint not null default 0,
  dependents bigint not null default 0,
  attempt bigint not null default 0,
  charged bigint not null default 0,
  claim bigint,
  started bigint,
  ended bigint,
  cancel_requested bigint not null default 0,
  parked_reason text,
  merged_into bigint,
  progress_done bigint not null default 0,
  progress_total bigint,
  progress_message text,
  result text,
  error_code text,
  error_message text,
  error_cure text
);
create index job_ready on job(channel, priority, eta, id) where state = 1;
create index job_later on job(eta) where state = 7;
create index job_parked on job(backend, kind) where state = 6;
create index job_stopping on job(id) where state = 2 and cancel_requested = 1;
create index job_member on job(root) where root is not null;
create index job_failed on job(id) where state = 4;
create unique index job_until_start on job(identity) where scope = 1 and state in (0, 1, 6, 7);
create unique index job_until_done on job(identity) where scope = 2 and state in (0, 1, 2, 6, 7);

create table job_edge(
  parent bigint not null references job(id) on delete cascade,
  child bigint not null references job(id) on delete cascade,
  condition bigint not null,
  met bigint not null default 0,
  primary key (parent, child)
);
create index job_edge_child on job_edge(child);

create table job_attempt(
  job bigint not null references job(id) on delete cascade,
  attempt bigint not null,
  claim bigint not null,
  started bigint not null,
  ended bigint not null,
  outcome bigint not null,
  code text,
  message text,
  primary key (job, attempt)
);

create table job_log(
  id {identity},
  job bigint not null references job(id) on delete cascade,
  attempt bigint not null,
  at bigint not null,
  level bigint not null,
  text text not null
);
create index job_log_job on job_log(job);
