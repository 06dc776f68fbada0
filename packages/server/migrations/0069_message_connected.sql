-- Devices for which a campaign has a delivery from its planning on, since nothing but their live channel reached them then: its ranges
-- leave them out, whatever has become of their addresses by the time they are read. Rows go when the message is done.
create table message_connected (
  message_id uuid not null references message (id) on delete cascade,
  bucket smallint not null,
  hwid text not null,
  app_id integer not null,
  primary key (message_id, bucket, hwid)
);
create index message_connected_of_device on message_connected (app_id, bucket, hwid);
