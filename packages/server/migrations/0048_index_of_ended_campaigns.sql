-- outside a transaction

-- Campaigns that have ended a moment ago, which are looked at for a cause that many deliveries have in common. Those to single
-- devices are in another lane, and not in the index.
create index concurrently if not exists message_campaign_finished on message (finished_at)
  where lane = 2 and finished_at is not null;
