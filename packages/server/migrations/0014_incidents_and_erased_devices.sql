-- R16: when the alert last held deaths, to within minutes; after an hour of rest the next ones are told of anew.
alter table alert add column held_at timestamptz;

-- Of the `dead` ones of a batch: those that an alert held, so their addresses were not ended.
alter table batch add column dead_held integer not null default 0;

-- The devices that were erased with a person: SHA-256 over the same salt and each hwid.
alter table erasure add column device_hashes bytea[] not null default '{}';
