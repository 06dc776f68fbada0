-- outside a transaction

-- What a device told of messages; also what is handed out and erased of it.
create index concurrently if not exists receipt_of_device on receipt (bucket, app_id, hwid, kind, at);

-- Cancelled messages that are not wound up yet.
create index concurrently if not exists message_to_wind_up on message (id)
  where state = 'cancelled' and finished_at is null;

-- What is due, lane by lane.
create index concurrently if not exists batch_due_in_lane on batch (lane, due_at, id)
  where state in ('waiting', 'sending');
create index concurrently if not exists message_to_plan_in_lane on message (lane, send_at) where state = 'scheduled';

-- Decisions that have to be carried to their end.
create index concurrently if not exists alert_unsettled on alert (closed_at)
  where state in ('released', 'forgotten') and settled_at is null;
