-- Calls: a call, whom it is for, and the devices that ring or hear of it. docs/calls.md has the states.

create table call (
  app_id integer not null,
  id uuid not null,
  request_hash bytea not null, -- of what was asked for: a repeat with the same id changes nothing
  user_id text, -- the caller, when it is a user of the app
  caller jsonb not null,
  media text not null check (media in ('audio', 'video')),
  data jsonb not null,
  texts jsonb not null,
  version integer not null default 1, -- goes up with every change of its callees
  created_at timestamptz not null,
  ring_until timestamptz not null,
  is_ringing boolean not null default true, -- one of its callees is not settled yet
  primary key (app_id, id)
);
create index call_ringing on call (ring_until) where is_ringing;
create index call_made on call (created_at);

create table call_callee (
  app_id integer not null,
  call_id uuid not null,
  user_id text not null,
  state text not null check (state in ('ringing', 'accepted', 'rejected', 'busy', 'cancelled', 'timed_out')),
  changed_at timestamptz not null,
  primary key (app_id, call_id, user_id)
);
create index call_callee_ringing on call_callee (app_id, user_id) where state = 'ringing';

create table call_leg (
  bucket smallint not null,
  app_id integer not null,
  call_id uuid not null,
  hwid text not null,
  user_id text not null, -- whose device it was when it rang: nobody else hears of the call there
  is_caller boolean not null,
  has_answered boolean not null default false, -- of the devices of a callee, the one whose answer counts
  roads text[] not null default '{}',
  rang_at timestamptz, -- it said so
  push_at timestamptz, -- when it is pushed that has not said by then that it rings
  server uuid, -- whose turn it is to tell it how the call stands
  open_until timestamptz not null, -- as long as a device that connects is told of it
  primary key (bucket, app_id, call_id, hwid)
);
create index call_leg_of_device on call_leg (bucket, app_id, hwid, open_until);
create index call_leg_to_tell on call_leg (server) where server is not null;
create index call_leg_of_call on call_leg (app_id, call_id);
create index call_leg_to_push on call_leg (push_at) where push_at is not null;

-- A push of a call is a message to the devices of one user.
alter table message
  add column call_id uuid,
  add column only_user text, -- the devices that are named count while this user is logged in on them
  add column address_kind text not null default 'alert';
