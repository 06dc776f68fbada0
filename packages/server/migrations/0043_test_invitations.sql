-- Test devices by QR: a code that is shown to a phone once, what became of each step, and least versions by feature.

create table test_invitation (
  id uuid primary key,
  app_id integer not null references app (id),
  name text, -- of the test device; null: what the phone says of itself
  description text,
  opens text, -- where the phone goes; null: the app's own scheme
  notification jsonb not null,
  code_hash bytea not null unique, -- SHA-256 of the code: 128 random bits
  ticket_hash bytea unique, -- of what the phone that has taken the code goes on with
  hwid text, -- that phone
  delivery_id uuid unique, -- of the test push, for its receipts
  steps jsonb not null default '{}', -- by step: its state, when, and why not
  result jsonb, -- of the test push: the gateway's answer
  version integer not null default 1, -- +1 with each change, so that whoever looks on can tell
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index test_invitation_of_app on test_invitation (app_id, created_at);

-- From which version on a feature works in an app; where it says nothing, the defaults in code hold.
create table feature_minimum (
  app_id integer not null references app (id),
  feature text not null,
  version text not null,
  primary key (app_id, feature)
);
