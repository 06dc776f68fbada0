-- People who run this, what they may do, and what they did.

create table person (
  id integer generated always as identity primary key,
  name text not null,
  name_key text not null unique, -- folded: capitals and forms of a letter make no second person
  password_hash text not null, -- argon2id
  factor_sealed bytea, -- secret of the second factor, under ROOST_SECRET
  has_factor boolean not null default false, -- false while it waits for its first code
  factor_step bigint, -- of the last code that was taken: a code counts once
  created_at timestamptz not null
);

create table recovery_code (
  person_id integer not null references person (id) on delete cascade,
  hash bytea not null,
  primary key (person_id, hash)
);

create table person_role (
  id integer generated always as identity primary key,
  person_id integer not null references person (id) on delete cascade,
  app_id integer references app (id) on delete cascade, -- null: every app, and the installation
  role text not null check (role in ('owner', 'editor', 'viewer')),
  unique nulls not distinct (person_id, app_id)
);

create table person_session (
  id uuid primary key,
  person_id integer not null references person (id) on delete cascade,
  hash bytea not null unique, -- SHA-256 of 256 random bits
  client text not null,
  agent text,
  created_at timestamptz not null,
  seen_at timestamptz not null
);
create index person_session_person on person_session (person_id);

create table member_invitation (
  id uuid primary key,
  app_id integer references app (id) on delete cascade, -- null: the installation
  role text not null check (role in ('owner', 'editor', 'viewer')),
  hash bytea not null unique,
  note text,
  invited_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);

-- Rows outlive whom they tell of, so nothing refers to them.
create table audit_entry (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  app_id integer,
  by text not null,
  person_id integer,
  token_id integer,
  session_id uuid,
  what text not null,
  subject text,
  before text,
  after text
);
create index audit_entry_app on audit_entry (app_id, id);
create index audit_entry_at on audit_entry (at);

-- Null of those that were made before: everything, as they always could.
alter table api_token add column scopes text[];
alter table api_token add column prefix text;
alter table api_token add column made_by text;
alter table api_token add column used_at timestamptz;
-- The row stays: history refers to it, and a token of the environment must not come back at the next start.
alter table api_token add column revoked_at timestamptz;
