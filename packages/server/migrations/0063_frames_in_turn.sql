-- outside a transaction
-- Frames are sent in the order of their devices, some hundred at a time: each read begins where the one before has ended, instead of
-- sorting all that waits. Of fifty thousand that waited each read took longer than its sending.
create index concurrently if not exists live_frame_in_turn on live_frame (server, bucket, app_id, hwid collate "C", seq)
  where notification is not null and sent_at is null;
drop index concurrently if exists live_frame_to_send;
