-- Triggers: an event that a device posts asks for a message to it, at once or after a while.

create table trigger (
  id uuid primary key,
  app_id integer not null references app (id),
  name text not null,
  state text not null default 'active' check (state in ('active', 'paused', 'deleted')),
  version integer not null default 1, -- +1 when it is changed
  definition jsonb not null,
  listens_to text[] not null, -- the names of events that start or cancel it
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index trigger_of_app on trigger (app_id, created_at desc);

-- Events that met a trigger, written in the transaction that counts them; they wait until they are due, and go when they
-- become deliveries, or are found to become none.
create table trigger_occasion (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  id bigint generated always as identity,
  trigger_id uuid not null,
  user_id text, -- whose the device was
  attributes jsonb,
  at timestamptz not null,
  due_at timestamptz not null,
  is_cancelled boolean not null default false,
  primary key (bucket, app_id, hwid, id)
);
create index trigger_occasion_due on trigger_occasion (trigger_id, due_at);
create index trigger_occasion_of_user on trigger_occasion (app_id, user_id) where user_id is not null;

-- When a device was last taken by a trigger, and how many times on that day: once in so many days is asked of it, and a
-- device is in a round once.
create table trigger_device (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  trigger_id uuid not null,
  last_at timestamptz not null,
  day date not null,
  times smallint not null,
  primary key (bucket, app_id, hwid, trigger_id)
) with (fillfactor = 80);

-- The message that the deliveries of a trigger belong to: of a version, a day (UTC), and the how-many-th time of a device there.
create table trigger_round (
  trigger_id uuid not null references trigger (id),
  message_id uuid not null references message (id),
  version integer not null,
  day date not null,
  times smallint not null,
  is_open boolean not null default true, -- it may get more deliveries
  primary key (trigger_id, message_id)
);
create unique index trigger_round_open on trigger_round (trigger_id, version, day, times) where is_open;
create index trigger_round_of_message on trigger_round (message_id) where is_open;

-- What became of occasions that became no deliveries.
create table trigger_tally (
  trigger_id uuid not null references trigger (id),
  day date not null,
  reason text not null,
  count integer not null,
  primary key (trigger_id, day, reason)
) with (fillfactor = 50);

-- {"id", "version"} of the trigger whose round it is.
alter table message add column trigger jsonb;
-- From when on its deliveries live, where that is not when the message was sent.
alter table batch add column send_at timestamptz;
-- What asked for a triggered delivery: "userId", "attributes", "isCancelled".
alter table delivery_queue add column event jsonb;
