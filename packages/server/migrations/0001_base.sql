-- The first schema.
--
-- Every per-device table carries `bucket` = hash32(hwid) mod 1024 in its primary key: the shard key of a
-- cluster, the unit of dispatch and the sampling unit. No unique constraint and no foreign key crosses
-- buckets. `address_directory` is the one table that goes by the address instead, and carries the bucket
-- of the address' hash.

create table app (
  id integer generated always as identity primary key,
  code text not null unique,
  name text not null,
  created_at timestamptz not null default now()
);

create table api_token (
  id integer generated always as identity primary key,
  kind text not null check (kind in ('server', 'device')),
  app_id integer references app (id),
  hash bytea not null unique, -- SHA-256; tokens are 256 random bits, so no salt and no slow hash
  label text not null,
  created_at timestamptz not null default now()
);

create table credential (
  id uuid primary key,
  app_id integer not null references app (id),
  gateway text not null check (gateway in ('apns', 'fcm', 'webpush', 'hms')),
  kind text not null,
  environments text[] not null default '{}',
  settings jsonb not null, -- what may be shown
  sealed bytea not null, -- the secret part, AES-256-GCM under ROOST_SECRET
  version integer not null default 1, -- +1 when the content is replaced
  paused_at timestamptz,
  paused_reason text,
  created_at timestamptz not null default now()
);
create index credential_of_app on credential (app_id, gateway, created_at);

create table device (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  platform text, -- null until the device says it
  user_id text,
  tags jsonb not null default '{}',
  language text,
  timezone_seconds integer,
  app_version text,
  os_version text,
  device_model text,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  last_open_at timestamptz,
  primary key (bucket, app_id, hwid)
);
create index device_of_user on device (app_id, user_id) where user_id is not null;

create table address (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  address_hash bytea not null, -- first 16 bytes of SHA-256 over provider, environment, kind, address
  provider text not null check (provider in ('apns', 'fcm', 'webpush', 'hms')),
  environment text not null default '', -- APNs: production or sandbox
  kind text not null default 'alert',
  address text not null,
  keys jsonb, -- Web Push: p256dh and auth
  credential_id uuid, -- Web Push: the VAPID key that the subscription was made with
  state text not null check (state in ('active', 'suspect', 'dead', 'superseded', 'moved', 'quarantined')),
  reason text,
  generation integer not null default 1, -- +1 on every registration and change of state
  first_registered_at timestamptz not null,
  last_registered_at timestamptz not null,
  state_since timestamptz not null,
  last_accepted_at timestamptz,
  primary key (bucket, app_id, hwid, address_hash)
);
-- A device has at most one address of a kind that is sent to.
create unique index address_one_sendable on address (bucket, app_id, hwid, kind)
  where state in ('active', 'suspect');
-- The dispatcher's road: one provider of one app, in bucket order.
create index address_sendable on address (app_id, provider, kind, bucket, hwid)
  where state in ('active', 'suspect');

-- Who holds an address now; a registration locks its row here first, so two devices that claim one address
-- take turns.
create table address_directory (
  address_bucket smallint not null,
  app_id integer not null,
  address_hash bytea not null,
  bucket smallint not null,
  hwid text not null,
  previous_bucket smallint,
  previous_hwid text,
  primary key (address_bucket, app_id, address_hash)
);

-- Append-only: what happened to each address, and why.
create table ledger (
  bucket smallint not null,
  id bigint generated always as identity,
  app_id integer not null,
  hwid text not null,
  at timestamptz not null,
  event text not null,
  reason text,
  provider text not null,
  environment text not null,
  kind text not null,
  address_end text not null, -- the last characters, for people to tell addresses apart
  generation integer not null,
  evidence jsonb,
  primary key (bucket, app_id, hwid, id)
);

create table message (
  id uuid primary key,
  app_id integer not null references app (id),
  state text not null check (state in ('scheduled', 'sending', 'paused', 'done', 'cancelled')),
  target jsonb not null,
  content jsonb not null,
  ttl_seconds integer not null,
  priority text not null,
  collapse_key text,
  send_at timestamptz not null,
  idempotency_key text,
  request_hash bytea not null,
  delivered integer not null default 0,
  opened integer not null default 0,
  created_at timestamptz not null,
  planned_at timestamptz,
  finished_at timestamptz,
  unique (app_id, idempotency_key)
);
create index message_newest on message (app_id, created_at desc);
create index message_to_plan on message (send_at) where state = 'scheduled';
create index message_to_finish on message (id) where state = 'sending';

-- The part of a message that falls in one bucket range of one provider: the unit of work, lease, retry and
-- progress. `cursor_*` is the last device of the last finished chunk.
create table batch (
  id bigint generated always as identity primary key,
  message_id uuid not null references message (id),
  app_id integer not null,
  provider text not null,
  bucket_from smallint not null,
  bucket_to smallint not null,
  state text not null default 'waiting' check (state in ('waiting', 'sending', 'held', 'done')),
  due_at timestamptz not null,
  -- Why it is held, and by which content of which credential; no credential: somebody has to look.
  held_reason text,
  held_by uuid,
  held_version integer,
  held_at timestamptz,
  failures integer not null default 0, -- in a row, of our own making
  leased_by uuid, -- one id for each claim: a worker that lost its lease must not find itself in the next one
  lease_until timestamptz,
  cursor_bucket smallint,
  cursor_hwid text,
  is_read boolean not null default false, -- every device of the range was read; only the queue is left
  targeted integer not null default 0,
  accepted integer not null default 0,
  dead integer not null default 0,
  failed integer not null default 0,
  skipped integer not null default 0,
  uncertain integer not null default 0
);
create index batch_of_message on batch (message_id);
create index batch_due on batch (due_at, id) where state in ('waiting', 'sending');
create index batch_held on batch (app_id, provider) where state = 'held';

-- Deliveries that wait: those of named devices for their first try, others for another one, or (due_at = infinity)
-- for their credential.
create table delivery_queue (
  bucket smallint not null,
  message_id uuid not null,
  hwid text not null,
  app_id integer not null,
  batch_id bigint not null,
  attempt integer not null,
  due_at timestamptz not null,
  reason text not null,
  primary key (bucket, message_id, hwid)
);
create index delivery_queue_due on delivery_queue (batch_id, due_at);

-- Every delivery that did not end in "accepted", and why.
create table delivery_exception (
  bucket smallint not null,
  message_id uuid not null,
  hwid text not null,
  app_id integer not null,
  outcome text not null check (outcome in ('dead', 'failed', 'skipped', 'uncertain')),
  reason text not null,
  provider text,
  at timestamptz not null,
  primary key (bucket, message_id, hwid)
);

create index delivery_exception_of_message on delivery_exception (message_id);

create table receipt (
  bucket smallint not null,
  message_id uuid not null,
  hwid text not null,
  kind text not null check (kind in ('delivered', 'opened')),
  app_id integer not null,
  at timestamptz not null,
  primary key (bucket, message_id, hwid, kind)
);
