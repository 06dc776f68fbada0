-- What was held does not become the norm, decisions are carried to their end, webhooks that stay down are stopped, and
-- their secrets can be changed.

-- The alert that held deaths among these results: they count for the norm only once it was released.
alter table gateway_tally add column alert_id uuid;

-- A decision is settled when nothing is left of what the alert held; until then a job goes on with it.
alter table alert add column settled_at timestamptz;

alter table alert drop constraint alert_kind_check;
alter table alert add constraint alert_kind_check
  check (kind in ('deaths_held', 'wrong_credential', 'address_flapping', 'webhook_disabled'));

alter table webhook
  add column failing_since timestamptz, -- of the first failed attempt since the last one that was taken
  add column failures integer not null default 0, -- in a row
  add column disabled_at timestamptz, -- when Roost gave up on it; null when people stopped it
  add column former_sealed bytea, -- the secret of before, which still signs until then
  add column former_until timestamptz;

alter table removal_undo add column total integer; -- removals that it was meant for, when it began
