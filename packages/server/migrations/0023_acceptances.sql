-- The proof of who was accepted: a row for each chunk, kept for 30 days. `accepted` has 8 bytes of a hash of message and hwid for each,
-- `attempts` a byte for each where one of them took more than one.
create table acceptance (
  message_id uuid not null,
  app_id integer not null,
  batch_id bigint not null,
  bucket_from smallint not null,
  bucket_to smallint not null,
  at timestamptz not null,
  accepted bytea not null,
  attempts bytea
);
-- Hashes can't be compressed.
alter table acceptance alter column accepted set storage external;
create index acceptance_of_message on acceptance (message_id, bucket_to);
create index acceptance_of_app on acceptance (app_id, bucket_to);
create index acceptance_age on acceptance using brin (at);
