-- outside a transaction

-- What came since a mark; a few bytes for each hundred pages, and nothing to keep in order.
create index concurrently if not exists acceptance_written on acceptance using brin (xid) with (autosummarize = on);
create index concurrently if not exists delivery_exception_written on delivery_exception
  using brin (xid) with (autosummarize = on);
create index concurrently if not exists ledger_written on ledger
  using brin ((xid::text::bigint)) with (autosummarize = on);
create index concurrently if not exists device_first_seen on device using brin (first_seen_at) with (autosummarize = on);
