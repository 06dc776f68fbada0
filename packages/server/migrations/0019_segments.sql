-- Segments: conditions with a name, the snapshots of nightly ones, and exports.

alter table app add column time_zone text not null default 'UTC';

create table segment (
  id uuid primary key,
  app_id integer not null references app (id),
  name text not null,
  code text not null, -- as the compatible protocol names filters
  mode text not null check (mode in ('live', 'nightly')),
  condition jsonb not null,
  hour smallint check (hour between 0 and 23), -- nightly: in the app's time zone
  next_run_at timestamptz, -- nightly
  snapshot_id bigint, -- nightly: who is in it; null until the condition was computed, and it is judged live so long
  expires_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (app_id, name),
  unique (app_id, code)
);
create index segment_due on segment (next_run_at) where next_run_at is not null;

create table segment_snapshot (
  id bigint generated always as identity primary key,
  segment_id uuid not null,
  app_id integer not null,
  condition jsonb not null, -- the segment's, as it was at the beginning
  state text not null check (state in ('computing', 'done', 'failed', 'superseded')),
  buckets_done smallint not null default 0,
  members integer not null default 0,
  started_at timestamptz not null, -- days are counted back from it
  finished_at timestamptz,
  ended_at timestamptz, -- superseded or failed
  is_cleaned boolean not null default false, -- ended, and its members are gone
  error text
);
create index segment_snapshot_of on segment_snapshot (segment_id, id desc);
create unique index segment_snapshot_computing on segment_snapshot (segment_id) where state = 'computing';
create index segment_snapshot_ended on segment_snapshot (ended_at) where ended_at is not null and not is_cleaned;

create table segment_member (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  snapshot_id bigint not null,
  primary key (bucket, app_id, hwid, snapshot_id)
);

-- What the segments in a message's audience meant when it was planned: {"segments": {id: {"condition"} | {"snapshot"}}}
alter table message add column audience jsonb;

create table segment_export (
  id uuid primary key,
  app_id integer not null references app (id),
  condition jsonb not null,
  settings jsonb not null, -- format, columns, whole tokens
  state text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed')),
  buckets_done smallint not null default 0,
  devices integer not null default 0,
  bytes bigint not null default 0,
  file_name text,
  error text,
  created_at timestamptz not null,
  finished_at timestamptz,
  expires_at timestamptz
);
create index segment_export_open on segment_export (created_at) where state in ('waiting', 'running');
create index segment_export_expiring on segment_export (expires_at) where expires_at is not null;

-- The file, in order. In the database, so that each server can hand it out.
create table segment_export_part (
  export_id uuid not null references segment_export (id) on delete cascade,
  place integer not null,
  bytes bytea not null,
  primary key (export_id, place)
);
