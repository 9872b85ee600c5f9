-- What models, fields and kinds there are. The tables of the models themselves are made from these rows.
create table record_model(
  id {identity},
  name text not null unique,
  table_name text not null unique,
  owner text not null,
  label text not null,
  display text not null,
  sort text not null
);
create table record_field(
  id {identity},
  model bigint not null references record_model(id),
  name text not null,
  definition text not null,
  label text not null,
  help text not null,
  place bigint not null,
  unique(model, name)
);
-- A field without an owner is hidden; its column stays.
create table record_field_owner(
  field bigint not null references record_field(id) on delete cascade,
  owner text not null,
  primary key(field, owner)
);
create table record_kind(
  id {identity},
  name text not null unique,
  model bigint not null references record_model(id),
  owner text not null,
  definition text not null,
  hidden bigint not null default 0
);
-- What was installed last, so that a start with the same models changes nothing.
create table record_installed(
  owner text primary key,
  digest text not null
);

create table binding(
  id {row_id},
  backend bigint not null references backend(id),
  kind bigint not null references record_kind(id),
  record bigint,
  external_id text,
  sync_date bigint,
  sync_status bigint not null,
  status_at bigint not null,
  retry_count bigint not null default 0,
  max_retries bigint not null default 5,
  retry_at bigint,
  last_error text,
  no_export bigint not null default 0,
  payload_hash {blob},
  map_fingerprint bigint,
  changed_by text,
  record_version bigint,
  export_hash {blob},
  external_updated_at text,
  extra text,
  check (record is not null or external_id is not null),
  check (external_id <> '')
);
create unique index binding_external on binding(backend, kind, external_id) where external_id is not null;
create unique index binding_record on binding(kind, record, backend) where record is not null;
create index binding_unsettled on binding(backend, sync_status, retry_at) where sync_status <> 2;

-- What happened to records, oldest first.
create table outbox(
  id {row_id},
  model bigint not null,
  record bigint not null,
  op bigint not null,
  backend bigint,
  chain text,
  actor text,
  changed text,
  at bigint not null
);
create table outbox_consumer(
  name text primary key,
  position bigint not null,
  seen_at bigint not null
);

create table cursor(
  backend bigint not null references backend(id),
  key text not null,
  value text,
  state_format bigint not null,
  version bigint not null,
  moved_at bigint not null,
  moved_by text not null,
  primary key(backend, key)
);
create table cursor_history(
  id {identity},
  backend bigint not null references backend(id),
  key text not null,
  value text,
  state_format bigint not null,
  version bigint not null,
  moved_at bigint not null,
  moved_by text not null
);
create index cursor_history_key on cursor_history(backend, key, version);

create table kv(
  backend bigint not null references backend(id),
  key text not null,
  value text not null,
  state_format bigint not null,
  moved_at bigint not null,
  primary key(backend, key)
);
