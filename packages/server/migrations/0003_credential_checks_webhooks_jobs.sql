-- What is known of a credential besides its content, who changed it and when, webhooks, and runs of jobs.

alter table credential
  add column fingerprint text, -- of the public half: tells two contents apart and betrays none
  add column expires_at timestamptz, -- of a certificate
  add column checked_at timestamptz,
  add column checks jsonb not null default '[]', -- what the gateways answered to the last check, by environment
  add column updated_at timestamptz;
update credential set updated_at = created_at;

-- Append-only, and kept when the slot is deleted. Never a secret.
create table credential_history (
  id bigint generated always as identity primary key,
  app_id integer not null references app (id),
  credential_id uuid not null,
  version integer not null,
  event text not null,
  at timestamptz not null,
  token_id integer, -- the API token that did it; null when Roost itself did
  by text not null, -- that token's label at that time
  kind text not null,
  environments text[] not null,
  settings jsonb not null,
  fingerprint text,
  expires_at timestamptz,
  reason text
);
create index credential_history_of on credential_history (app_id, credential_id, id);
insert into credential_history (app_id, credential_id, version, event, at, by, kind, environments, settings)
select app_id, id, version, 'added', created_at, 'before there was a history', kind, environments, settings
  from credential;

-- What was told of a content, and is not told again: "expires in 14 days", "refused InvalidProviderToken" (while it lasts).
create table credential_notice (
  credential_id uuid not null,
  version integer not null,
  notice text not null,
  at timestamptz not null,
  primary key (credential_id, version, notice)
);

create table webhook (
  id uuid primary key,
  app_id integer not null references app (id),
  url text not null,
  sealed bytea not null, -- the signing secret, as credentials are sealed
  events text[] not null,
  is_active boolean not null default true,
  created_at timestamptz not null
);
create index webhook_of_app on webhook (app_id);

-- The outbox: an event is stored in the transaction of what it tells of.
create table webhook_event (
  id uuid primary key,
  app_id integer not null references app (id),
  type text not null,
  at timestamptz not null,
  data jsonb not null
);
create index webhook_event_old on webhook_event (at);

create table webhook_delivery (
  id bigint generated always as identity primary key,
  webhook_id uuid not null references webhook (id) on delete cascade,
  event_id uuid not null references webhook_event (id) on delete cascade,
  state text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')),
  attempts integer not null default 0,
  due_at timestamptz not null, -- moved ahead by whoever takes it, so that a dead one's comes back
  attempted_at timestamptz,
  status integer, -- the last answer's HTTP status; null when there was none
  error text,
  unique (webhook_id, event_id)
);
create index webhook_delivery_due on webhook_delivery (webhook_id, due_at) where state = 'waiting';
create index webhook_delivery_of_event on webhook_delivery (event_id);

create table job_run (
  id bigint generated always as identity primary key,
  name text not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  outcome text check (outcome in ('done', 'failed')), -- null while it runs, and when its process died
  summary text
);
create index job_run_newest on job_run (name, started_at desc);
