-- outside a transaction
-- What was accepted for one device: most chunks of a big message lie in one bucket and are found by it
-- (acceptance_of_app); only those of several buckets have to be looked through.
create index concurrently if not exists acceptance_of_buckets on acceptance (app_id, bucket_to, bucket_from)
  where bucket_from < bucket_to;
