-- Messages that recur.
create table schedule (
  id uuid primary key,
  app_id integer not null references app (id),
  name text not null,
  state text not null check (state in ('active', 'paused')),
  cron text not null,
  time_zone text, -- null: the app's
  local_time jsonb, -- not null: by the clock of each device
  missed text not null check (missed in ('one', 'none')),
  condition jsonb, -- whom its messages are for; null: all
  message jsonb not null, -- the rest of what each of them is made of
  next_run_at timestamptz, -- null while it is paused, or when there is no other
  last_run_at timestamptz,
  last_message_id uuid,
  last_fault text, -- why the last run made no message
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index schedule_of_app on schedule (app_id, created_at desc);
create index schedule_due on schedule (next_run_at);

-- Which run of which schedule a message is.
alter table message
  add column schedule_id uuid,
  add column scheduled_for timestamptz;
