-- What the next "+1" of a badge adds to: a row from the first counted badge of a device on, so that campaigns that count
-- write a narrow row and not the device's.
create table device_badge (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  count integer not null,
  primary key (bucket, app_id, hwid)
);

-- What was told when a message was made, in words: an image that could not be looked at.
alter table message add column warnings jsonb;
