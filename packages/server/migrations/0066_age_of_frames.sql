-- outside a transaction
-- Frames are made in the order of their time and looked up by it once a day, to be dropped: ranges of pages are enough, and three entries
-- of a tree for each frame less to write.
create index concurrently if not exists live_frame_made_range on live_frame using brin (made_at);
drop index concurrently if exists live_frame_made;
