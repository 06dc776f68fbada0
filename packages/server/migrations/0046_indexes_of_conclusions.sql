-- outside a transaction

-- Conclusions in the feed of removals, beside ledger_removal_feed and ledger_removal_time, which would have to be built anew for them.
create index concurrently if not exists ledger_conclusion_feed on ledger (app_id, (coalesce(xid, '0'::xid8)), id)
  where event in ('uninstalled', 'replaced');
create index concurrently if not exists ledger_conclusion_time on ledger (app_id, at)
  where event in ('uninstalled', 'replaced');
