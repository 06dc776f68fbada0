-- Imports that go on where they stopped, bulk requests, and the record of what was erased. None of these tables keeps
-- what names a device or person once its work is done.

create table device_import (
  id uuid primary key,
  app_id integer not null references app (id),
  sha256 bytea, -- of the whole file; null when it is sent in parts
  settings jsonb not null, -- how its rows are read
  header jsonb, -- the column names of a CSV file, from its first line
  as_of timestamptz not null, -- when the file was made: what Roost has heard later of a device is not undone
  state text not null default 'open' check (state in ('open', 'done')),
  -- All rows before this byte are committed, those behind it are not: moved in the transaction of the rows.
  byte_offset bigint not null default 0,
  row_count bigint not null default 0,
  stored bigint not null default 0,
  older bigint not null default 0,
  refused bigint not null default 0,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  finished_at timestamptz
);
create index device_import_of_file on device_import (app_id, sha256);

-- A row that was not taken, and why; by its place alone, so that nothing of it is kept.
create table device_import_refusal (
  import_id uuid not null references device_import (id) on delete cascade,
  row_number bigint not null,
  code text not null,
  detail text not null,
  primary key (import_id, row_number)
);

create table bulk_request (
  id uuid primary key,
  app_id integer not null references app (id),
  kind text not null check (kind in ('register', 'tags', 'unregister')),
  state text not null default 'waiting' check (state in ('waiting', 'done')),
  settings jsonb not null,
  entries jsonb not null, -- emptied when it is done
  results jsonb, -- one for each entry, in their order
  created_at timestamptz not null,
  finished_at timestamptz
);
create index bulk_request_waiting on bulk_request (created_at, id) where state = 'waiting';
create index bulk_request_old on bulk_request (finished_at) where state = 'done';

-- That something was erased, when and how much; a salted hash tells whether it was a name that somebody holds.
create table erasure (
  id uuid primary key,
  app_id integer not null references app (id),
  subject text not null check (subject in ('device', 'user')),
  salt bytea not null,
  hash bytea not null, -- SHA-256 over salt and name
  by text not null, -- the label of the API token
  at timestamptz not null,
  counts jsonb not null, -- rows by table
  swept_at timestamptz
);
create index erasure_of_app on erasure (app_id, at desc);

-- Deliveries that were at a gateway while their device was erased are booked afterwards; these names are looked for
-- once more when all of that is over, and then forgotten, too.
create table erasure_sweep (
  erasure_id uuid not null references erasure (id) on delete cascade,
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  due_at timestamptz not null,
  primary key (bucket, app_id, hwid, erasure_id)
);
