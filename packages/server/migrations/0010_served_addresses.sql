-- R4: an address that changes hands while a message is under way, whose former holder was sent the message or is being
-- sent it. Whether it was is asked when the new holder's turn comes. Rows go when the message is done.
create table address_served (
  message_id uuid not null references message (id) on delete cascade,
  address_hash bytea not null,
  app_id integer not null,
  bucket smallint not null, -- of the former holder
  hwid text not null,
  primary key (message_id, address_hash, bucket, hwid)
);
create index address_served_of_device on address_served (app_id, bucket, hwid);

-- R15: whether those are sent to who have not called in for `inactive_days`; null is the default in code.
alter table address_policy add column send_to_inactive boolean;
