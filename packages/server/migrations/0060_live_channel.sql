-- The live channel: which process holds the connection of which device, and what is on its way over it.

create table live_server (
  id uuid primary key,
  beat_at timestamptz not null -- by the clock of the database; a process that is silent for 15 s holds no connection any more
);

create table live_presence (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  user_id text, -- as whom it connected; null: a visitor
  state text not null check (state in ('online', 'background', 'offline', 'logged_out')),
  changed_at timestamptz not null,
  server uuid, -- null: it is not connected
  session uuid, -- of the connection that counts: the newest
  primary key (bucket, app_id, hwid)
);
create index live_presence_of_server on live_presence (server) where server is not null;

create table live_frame (
  bucket smallint not null,
  message_id uuid not null,
  hwid text not null,
  app_id integer not null,
  user_id text, -- whom it was made for; nobody else gets it
  seq bigint not null generated always as identity,
  delivery_id uuid not null,
  notification jsonb, -- null: acknowledged, withdrawn, or over
  made_at timestamptz not null,
  expires_at timestamptz not null,
  server uuid, -- whose turn it is to send it
  sent_at timestamptz, -- over the connection that is open now
  acked_at timestamptz,
  primary key (bucket, message_id, hwid)
);
create index live_frame_of_device on live_frame (bucket, app_id, hwid, seq) where notification is not null;
create index live_frame_to_send on live_frame (server) where notification is not null and sent_at is null;
create index live_frame_made on live_frame (made_at);
