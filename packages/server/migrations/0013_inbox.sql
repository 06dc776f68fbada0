-- The inbox: messages that stay readable until a date, for devices with and without permission or address.

-- What the sender asked for: {"until","only"}.
alter table message add column inbox jsonb;

-- A message of the inbox that has been shown, since the moment at which its audience was decided.
create table inbox_message (
  message_id uuid primary key,
  app_id integer not null,
  number bigint generated always as identity unique, -- its name in the device protocol; newer ones are greater
  audience text not null check (audience in ('all', 'named', 'condition')),
  shown_at timestamptz not null,
  until_at timestamptz not null,
  is_filled boolean not null default false, -- condition: all buckets have their row of inbox_members
  withdrawn_at timestamptz
);
create index inbox_message_of_app on inbox_message (app_id, number) where audience <> 'named';
create index inbox_message_over on inbox_message (until_at);
create index inbox_message_to_fill on inbox_message (message_id) where not is_filled;

-- Whom a condition met, one row a bucket: 16 bytes a device, no names (inbox/members.ts).
create table inbox_members (
  message_id uuid not null,
  bucket smallint not null,
  app_id integer not null,
  members bytea not null,
  primary key (message_id, bucket)
);
-- Hashes don't compress, and a search reads all of them.
alter table inbox_members alter column members set storage external;

-- For devices that were named: that they were. For all: how far a person has come with it on this device.
create table inbox_entry (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  message_id uuid not null,
  user_id text not null default '', -- who was logged in; '' = nobody
  is_named boolean not null default false,
  status smallint check (status between 1 and 5), -- as the device protocol counts; null = nothing said yet
  updated_at timestamptz not null,
  primary key (bucket, app_id, hwid, message_id, user_id)
);
create index inbox_entry_of_message on inbox_entry (message_id);
