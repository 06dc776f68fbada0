-- outside a transaction
-- A message that is paused when the last of it is booked is done, too.
create index concurrently if not exists message_to_end on message (id) where state in ('sending', 'paused') and planned_at is not null;
