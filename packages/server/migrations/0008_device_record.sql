-- What devices say of themselves besides what conditions ask for, permission (R26), definitions of tags, events, and
-- test devices.

alter table device add column permission text
  check (permission in ('granted', 'provisional', 'ephemeral', 'denied', 'not_determined'));
alter table device add column record jsonb not null default '{}';

-- R26: its device has withdrawn the permission; kept and not sent to, since gateways go on answering 200.
alter table address add column opted_out boolean not null default false;

-- Addresses are collected of devices with permission only.
alter table app add column needs_permission boolean not null default false;

-- A tag that is defined has one type in all devices of its app; others are stored as they come.
create table tag_definition (
  app_id integer not null references app (id),
  name text not null,
  type text not null check (type in ('integer', 'string', 'list', 'date', 'boolean', 'decimal', 'version')),
  created_at timestamptz not null,
  primary key (app_id, name)
);

-- One row for each kind of event of a device: how often, and the last one. It grows with the kinds and not with the
-- events, so it needs no clean-up.
create table device_event (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  name text not null,
  count integer not null default 1,
  first_at timestamptz not null,
  last_at timestamptz not null,
  attributes jsonb, -- of the last one
  primary key (bucket, app_id, hwid, name)
);

create table test_device (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  name text not null,
  description text,
  created_at timestamptz not null,
  primary key (bucket, app_id, hwid)
);
create index test_device_of_app on test_device (app_id, created_at desc);
