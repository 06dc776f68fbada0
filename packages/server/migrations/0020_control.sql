-- Ending messages early, and lanes.

-- Of `skipped`: those whom a cancelled message never came to. They have no row each.
alter table batch add column cut_off integer not null default 0;

-- 0 test, 1 transactional, 2 campaign: what has the lower number never waits behind the others.
alter table message add column lane smallint not null default 2;
alter table batch add column lane smallint not null default 2;
