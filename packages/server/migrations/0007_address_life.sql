-- The life of addresses: deaths that are held (R16) and alerts, age (R15, R27, R29), the feed of removals, and undo.

-- What gateways said of addresses, chunk by chunk: the window and the norm of the mass-failure guard. `part` is that of
-- credential_pause: an environment of APNs, a push service. Chunks of an hour become one row when the hour is over.
create table gateway_tally (
  id bigint generated always as identity primary key,
  app_id integer not null,
  credential_id uuid not null,
  part text not null,
  at timestamptz not null,
  accepted integer not null,
  mismatched integer not null,
  dead integer not null, -- with the gateway's own time of it
  dead_untimed integer not null,
  is_hour boolean not null default false
);
create index gateway_tally_newest on gateway_tally (app_id, credential_id, part, at desc, id desc);
create index gateway_tally_chunks on gateway_tally (at) where not is_hour;

-- Something is wrong that people have to look at. Of one subject at most one is open.
create table alert (
  id uuid primary key,
  app_id integer not null references app (id),
  kind text not null check (kind in ('deaths_held', 'wrong_credential', 'address_flapping')),
  subject text not null,
  data jsonb not null,
  state text not null default 'open' check (state in ('open', 'released', 'forgotten', 'closed')),
  opened_at timestamptz not null,
  closed_at timestamptz,
  closed_by text -- the label of the API token
);
create unique index alert_open on alert (app_id, kind, subject) where state = 'open';
create index alert_of_app on alert (app_id, opened_at desc, id desc);

-- R16: the alert that holds this address's death; of no account once the generation has gone on.
alter table address add column held_by uuid, add column held_generation integer;
create index address_held on address (held_by, bucket, hwid) where held_by is not null;

-- R1d: a 410 whose time is before the registration, and comes again and again.
alter table address
  add column old_death_at timestamptz,
  add column old_deaths smallint not null default 0,
  add column old_deaths_from timestamptz,
  add column old_deaths_until timestamptz;

-- R29: when a web subscription ends by itself, in ms, as its browser has given it with the keys.
alter table address add column expires_at timestamptz
  generated always as (to_timestamp((keys ->> 'expirationTime')::float8 / 1000)) stored;
create index address_expiring on address (expires_at)
  where expires_at is not null and state in ('active', 'suspect');

-- R4: when it last changed hands, four times at most.
alter table address_directory add column moved_at timestamptz[];

-- R15, R27: null columns are the defaults in code.
create table address_policy (
  app_id integer primary key references app (id),
  inactive_days integer,
  fcm_dead_days integer,
  other_dead_days integer,
  tombstone_days integer
);

-- The feed of removals goes by transactions: one that commits late has a number of before, so a reader who stops below
-- the oldest that runs never misses one. Entries of before this schema have none and are read first.
alter table ledger add column xid xid8;
alter table ledger alter column xid set default pg_current_xact_id();
create index ledger_removal_feed on ledger (app_id, (coalesce(xid, '0'::xid8)), id)
  where event in ('dead', 'unregistered', 'superseded', 'moved', 'quarantined', 'removal_undone');
create index ledger_removal_time on ledger (app_id, at)
  where event in ('dead', 'unregistered', 'superseded', 'moved', 'quarantined', 'removal_undone');

-- How far each webhook was told of removals; the next part waits until `event_id` was delivered.
create table webhook_feed (
  webhook_id uuid primary key references webhook (id) on delete cascade,
  xid xid8 not null,
  ledger_id bigint not null,
  event_id uuid
);

-- Removals that are taken back; the work is done in slices, at the cursor.
create table removal_undo (
  id uuid primary key,
  app_id integer not null references app (id),
  filter jsonb not null,
  state text not null default 'running' check (state in ('running', 'done')),
  by text not null,
  created_at timestamptz not null,
  finished_at timestamptz,
  cursor_xid xid8 not null default '0',
  cursor_id bigint not null default 0,
  until_xid xid8 not null, -- what is removed later is not taken back
  matched integer not null default 0,
  restored integer not null default 0
);
create index removal_undo_running on removal_undo (created_at) where state = 'running';
