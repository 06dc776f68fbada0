-- Receipts of all kinds, and statistics: what happened, counted by hour and day, kept when those who did it are erased.

-- Which campaign a message belongs to, in its sender's words.
alter table message add column campaign text;

alter table receipt
  add column is_signed boolean not null default false, -- the device sent back what only its own push had
  add column reason text, -- of `attachment_failed`
  add column gateway text, -- of the device's platform
  add column variant smallint, -- place of the variant that the push was of
  add column sent_at timestamptz; -- as the signature says
alter table receipt drop constraint receipt_kind_check;
alter table receipt add constraint receipt_kind_check
  check (kind in ('delivered', 'displayed', 'opened', 'dismissed', 'attachment_failed', 'landed')) not valid;

-- The transaction that wrote a row: who counts up to the oldest one that still runs never misses one that commits late, and
-- counts none twice. Rows of before this schema have none.
alter table acceptance add column xid bigint;
alter table acceptance alter column xid set default (pg_current_xact_id()::text::bigint);
alter table delivery_exception add column xid bigint;
alter table delivery_exception alter column xid set default (pg_current_xact_id()::text::bigint);

-- What is to be counted: added to in the transaction of what it counts, taken away in the one that folds it into the two below.
create table stat_tally (
  app_id integer not null,
  message_id uuid, -- null for what belongs to no message, or to one that is not told apart
  campaign text,
  at timestamptz not null, -- a quarter of an hour: the days of all time zones begin at one
  gateway text not null default '',
  metric text not null,
  detail text not null default '', -- a reason, 'signed', or the place in a histogram
  n bigint not null
);

-- By the hours and days of the app's time zone. `scope`: '' the app, 'm' and an id, 'c' and a campaign.
create table stat_hour (
  app_id integer not null,
  scope text not null,
  metric text not null,
  at timestamptz not null,
  gateway text not null,
  detail text not null,
  n bigint not null,
  primary key (app_id, scope, metric, at, gateway, detail)
) with (fillfactor = 80);
create table stat_day (
  app_id integer not null,
  scope text not null,
  metric text not null,
  day date not null,
  gateway text not null,
  detail text not null,
  n bigint not null,
  primary key (app_id, scope, metric, day, gateway, detail)
) with (fillfactor = 80);

-- How far each source was counted: up to a transaction, or a time.
create table stat_mark (
  source text primary key,
  xid bigint not null,
  at timestamptz
);
insert into stat_mark (source, xid) values ('base', pg_current_xact_id()::text::bigint);
