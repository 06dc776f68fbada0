-- Whom a device belongs to may change between the moment at which the audience of an inbox's message is decided and the
-- writing of its members. Both moments are told by one clock, the database's, whichever server and version writes.

-- Since when the device has been this person's, or nobody's; null: since before this was noted.
alter table device add column user_since timestamptz;
alter table device alter column user_since set default clock_timestamp();

create function note_user_since() returns trigger language plpgsql as $$
begin
  new.user_since := clock_timestamp();
  return new;
end $$;
create trigger device_user_since before update of user_id on device
  for each row when (old.user_id is distinct from new.user_id) execute function note_user_since();

-- When the audience was decided; null: before this was noted.
alter table inbox_message add column decided_at timestamptz;
alter table inbox_message alter column decided_at set default clock_timestamp();

-- Devices that the condition met when the bucket was written, and that had become somebody else's since the audience was decided.
alter table inbox_members add column left_out integer not null default 0;
