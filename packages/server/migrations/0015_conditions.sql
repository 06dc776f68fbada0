-- What conditions ask for: events by day, what became of messages, and lists of ids.

-- How often by day (UTC), oldest first, of the last 90 days: `day_counts[i]` belongs to `days[i]`. They lie in the row of
-- their event, so they need no clean-up and go where it goes. Of events before this schema the days are not known.
alter table device_event
  add column days date[] not null default '{}',
  add column day_counts integer[] not null default '{}';

-- Ids of devices or users that somebody has brought along.
create table audience_list (
  id uuid primary key,
  app_id integer not null references app (id),
  name text not null,
  kind text not null check (kind in ('devices', 'users')),
  state text not null default 'loading' check (state in ('loading', 'ready')),
  created_at timestamptz not null,
  updated_at timestamptz not null -- while it is loading, of its last part
);
create index audience_list_of_app on audience_list (app_id, created_at desc);

-- Keys begin with the id: a condition asks "is this one in that list", and erasing "in which lists is it".
create table audience_list_device (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  list_id uuid not null,
  primary key (bucket, app_id, hwid, list_id)
);
create table audience_list_user (
  app_id integer not null,
  user_id text not null,
  list_id uuid not null,
  primary key (app_id, user_id, list_id)
);
