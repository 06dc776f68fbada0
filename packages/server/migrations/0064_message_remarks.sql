-- What was found when a message was made, with the values apart from the words of `warnings`, so that it is told in each reader's
-- language. Null of messages without any, and of those that an older release made.
alter table message add column remarks jsonb;
