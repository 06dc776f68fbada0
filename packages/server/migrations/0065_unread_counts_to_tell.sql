-- outside a transaction
-- Devices that are connected and whose unread count has changed elsewhere: whoever holds the connection tells them.
alter table live_presence add column if not exists is_unread_due boolean not null default false;
create index concurrently if not exists live_presence_unread_due on live_presence (server) where is_unread_due;
