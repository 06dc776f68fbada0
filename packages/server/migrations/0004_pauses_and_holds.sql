-- What a refused credential stops, in parts, and which deliveries wait for which of them; doubts are counted by day.
-- The release before this one keeps its own record in credential.paused_at and batch.held_by, which stay for it.

-- A gateway refused this content of a credential, or a part of what it serves: one environment of APNs, one origin of
-- Web Push, Apple or browsers behind FCM; '' = all of it. Only rows of the credential's version count.
create table credential_pause (
  credential_id uuid not null references credential (id),
  version integer not null,
  part text not null default '',
  reason text not null,
  -- Seen in what was said of addresses, not of the credential: no question to the gateway disproves it.
  is_wave boolean not null default false,
  at timestamptz not null,
  -- When one delivery may try whether it is over; null: only another content ends it.
  retry_at timestamptz,
  retries integer not null default 0,
  primary key (credential_id, version, part)
);
insert into credential_pause (credential_id, version, reason, at)
select id, version, coalesce(paused_reason, 'paused'), paused_at from credential where paused_at is not null;

-- The gateway has accepted something by this part of this content: it is of the right app, whatever is said of addresses.
create table credential_proof (
  credential_id uuid not null references credential (id) on delete cascade,
  version integer not null,
  part text not null,
  primary key (credential_id, version, part)
);

-- A batch has something that waits for this pause: deliveries of its queue, or (`blocks_batch`) all that is left of it.
create table batch_hold (
  id bigint generated always as identity primary key,
  batch_id bigint not null references batch (id),
  credential_id uuid not null,
  version integer not null,
  part text not null,
  reason text not null,
  at timestamptz not null,
  -- Contents ("id version") that were not paused then, and serve nothing of what waits.
  unfit text[] not null default '{}',
  blocks_batch boolean not null default false,
  unique (batch_id, credential_id, version, part)
);
create index batch_hold_of_pause on batch_hold (credential_id, version, part);

alter table delivery_queue add column hold_id bigint;
alter table delivery_queue add column probe_part text; -- tries whether the pause of this part is over
create index delivery_queue_held on delivery_queue (hold_id) where hold_id is not null;

insert into batch_hold (batch_id, credential_id, version, part, reason, at, blocks_batch)
select id, held_by, held_version, '', coalesce(held_reason, 'paused'), coalesce(held_at, now()), true
  from batch where state <> 'done' and held_by is not null;
update delivery_queue q set hold_id = h.id from batch_hold h where h.batch_id = q.batch_id and q.due_at = 'infinity';

-- R12: BadDeviceToken for an address that was accepted before ends it on the third day, not on the third answer.
alter table address add column doubts smallint not null default 0;
alter table address add column doubted_at timestamptz;

-- The report of environment mismatches.
create index address_wrong_environment on address (app_id, state_since, bucket, hwid)
  where (state = 'superseded' and reason = 'environment_corrected')
     or (state = 'quarantined' and reason = 'BadDeviceToken');
