-- Uninstall tracking: a silent push a day, a knock, to devices whose app may be gone; and R32, what became of those that died.

create table uninstall_tracking (
  app_id integer primary key references app (id),
  enabled boolean not null,
  mode text not null check (mode in ('doubt', 'daily')),
  quiet_days integer not null,
  off_at timestamptz, -- since when it is off; deaths until then are concluded
  -- The last death that was concluded; the next ones come after it.
  concluded_at timestamptz not null,
  concluded_id bigint not null default 0
);

-- One row, and one message, for each app and day (UTC): so nobody is knocked at twice, whatever starts anew.
create table knock_day (
  app_id integer not null references app (id),
  day date not null,
  mode text not null,
  message_id uuid not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  counts jsonb, -- once its message is forgotten
  primary key (app_id, day)
);
create index knock_day_open on knock_day (day) where closed_at is null;

-- Conclusions by the day (UTC) on which the addresses died.
create table conclusion_tally (
  app_id integer not null references app (id),
  day date not null,
  provider text not null,
  uninstalled integer not null,
  replaced integer not null,
  primary key (app_id, day, provider)
);

-- Of a message that is the knocks of a day: whom it is for, and what they are doubted by. Null: it is people's.
alter table message add column knock jsonb;
