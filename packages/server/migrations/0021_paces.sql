-- Rules of a message: its rate, and what else is asked of each of its deliveries.
alter table message add column rules jsonb;

-- Rates that all servers keep together, of messages and of projects at a gateway: what was granted is paid for up to
-- `paid_until`; before `open_at` asking is in vain. Not logged: a rate that a crash forgets begins anew.
create unlogged table pace (
  name text primary key,
  paid_until timestamptz not null,
  open_at timestamptz not null
) with (fillfactor = 50);

-- The pace that refused a batch its turn: it is not claimed before that is open.
alter table batch add column paced_by text;
