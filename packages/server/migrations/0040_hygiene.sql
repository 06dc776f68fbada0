-- Inactivity (R15), what jobs have removed, and alerts that open and close by themselves.

-- Null is the default in code. inactive_days and send_to_inactive say the same as the first two and stay for the release before.
alter table address_policy
  add column dormant_days integer,
  add column send_to_dormant boolean,
  add column remove_inactive boolean,
  add column inactive_after_days integer,
  add column erase_days integer;
update address_policy set dormant_days = inactive_days, send_to_dormant = send_to_inactive;

alter table job_run
  add column at timestamptz, -- the moment for which it ran
  add column removed jsonb; -- [{reason, platform, count}]

alter table alert drop constraint alert_kind_check;
alter table alert add constraint alert_kind_check
  check (kind in ('deaths_held', 'wrong_credential', 'address_flapping', 'webhook_disabled', 'death_rate',
                  'mass_inactive', 'quota', 'queue_age'));

-- What is wrong now: an alert opens when it lasts, and closes when it was not seen for a while.
create table symptom (
  app_id integer not null references app (id),
  kind text not null,
  subject text not null,
  since timestamptz not null,
  seen_at timestamptz not null,
  alert_id uuid, -- the alert that it has opened; that may have been closed since
  primary key (app_id, kind, subject)
);

-- Devices that were silent for so long that they were erased: one record for many, with their names as device_hashes.
alter table erasure drop constraint erasure_subject_check;
alter table erasure add constraint erasure_subject_check check (subject in ('device', 'user', 'devices'));
