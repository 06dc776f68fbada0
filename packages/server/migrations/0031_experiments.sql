-- What was found of a trigger's images, and did not keep it from being made.
alter table trigger add column warnings jsonb;

-- Experiments: variants of a message with a control group. `experiment` has what was asked for, `verdict` what was decided for
-- the rest of the audience, and by which numbers.
alter table message add column experiment jsonb;
alter table message add column verdict jsonb;
-- These deliveries get what has won, and wait for it.
alter table batch add column is_rest boolean not null default false;
-- Deliveries by variant and outcome, in the order of dispatch/variants.ts.
alter table batch add column by_variant integer[];
-- Receipts by variant; what they add up to is in the message's own columns.
create table variant_receipts (
  message_id uuid not null references message (id),
  variant smallint not null,
  delivered integer not null default 0,
  opened integer not null default 0,
  primary key (message_id, variant)
) with (fillfactor = 50);
