-- Messages that are due by the clock of each device.
alter table message
  add column timing jsonb, -- what was asked for
  add column slot_of jsonb; -- since its planning: in which slot devices of which zone are, in seconds since 1970; 0: their hour had passed

-- A batch of such a message reads the devices of one slot.
alter table batch
  add column slot_after timestamptz, -- slots up to this one are those of other batches; null: there are none
  add column slot_at timestamptz,
  add column slot_devices integer, -- how many were in it when the batch was made
  add column after_batch bigint; -- it is not read before that one is

-- Bucket ranges of such messages that are still to be divided into slots.
create table slot_range (
  message_id uuid not null,
  provider text not null,
  bucket_from smallint not null,
  bucket_to smallint not null,
  due_at timestamptz not null,
  last_slot timestamptz, -- up to this one it is divided
  last_batch bigint,
  primary key (message_id, provider, bucket_from)
);
create index slot_range_due on slot_range (due_at);
