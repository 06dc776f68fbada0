-- Which road a message has taken: a frame that was withdrawn was followed by a push, also where its acknowledgement came afterwards.

alter table live_frame add column withdrawn_at timestamptz;
