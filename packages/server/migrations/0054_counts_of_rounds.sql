-- What became of the deliveries of a round that is over: of a year of them the batches would be a million rows to add up.
alter table trigger_round add column counts jsonb;
