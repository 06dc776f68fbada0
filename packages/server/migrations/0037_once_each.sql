-- outside a transaction
-- A message is recalled once.
create unique index concurrently if not exists message_recall on message (recall_of) where recall_of is not null;
-- A run of a schedule is one message.
create unique index concurrently if not exists message_of_schedule on message (schedule_id, scheduled_for)
  where schedule_id is not null;
