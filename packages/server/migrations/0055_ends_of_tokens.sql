-- outside a transaction
-- Who has the token that ends like this? Told by 32 pages at a time, one filter of bits each: an index of all ends would be kept in
-- order by each new device, while of this one pages that are new are summed up later, by autovacuum. Asked by registry/token-holders.ts.
create index concurrently if not exists address_end on address
  using brin ((right(address, 6)) collate "C" text_bloom_ops (n_distinct_per_range = 1400, false_positive_rate = 0.005))
  with (pages_per_range = 32, autosummarize = on);
