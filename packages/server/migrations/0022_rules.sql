-- What an app asks of all its messages: quiet hours, a cap, its categories.
create table app_rules (
  app_id integer primary key references app (id) on delete cascade,
  rules jsonb not null
);

-- What counts towards caps: when and by which message (8 bytes of a hash) a device was taken for marketing, the last 30 days. A
-- row is written before its delivery is sent, so that of two messages at once only one takes the last place.
create table device_cap (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  used_at timestamptz[] not null,
  used_by bigint[] not null,
  primary key (bucket, app_id, hwid)
) with (fillfactor = 80);
