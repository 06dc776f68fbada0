-- outside a transaction
-- The pushes of a call, to be stopped when it has been answered.
create index concurrently if not exists message_of_call on message (app_id, call_id) where call_id is not null;
