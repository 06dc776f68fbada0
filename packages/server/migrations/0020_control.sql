-- Ending messages early, and lanes.

-- Of `skipped`: those whom a cancelled message never came to. They have no row each.
alter table batch add column cut_off integer not null default 0;
create index message_to_wind_up on message (id) where state = 'cancelled' and finished_at is null;

-- 0 test, 1 transactional, 2 campaign: what has the lower number never waits behind the others.
alter table message add column lane smallint not null default 2;
alter table batch add column lane smallint not null default 2;
create index batch_due_in_lane on batch (lane, due_at, id) where state in ('waiting', 'sending');
create index message_to_plan_in_lane on message (lane, send_at) where state = 'scheduled';
