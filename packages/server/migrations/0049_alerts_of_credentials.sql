-- Alerts of credentials that end or are refused.
alter table alert drop constraint alert_kind_check;
alter table alert add constraint alert_kind_check
  check (kind in ('deaths_held', 'wrong_credential', 'address_flapping', 'webhook_disabled', 'death_rate',
                  'mass_inactive', 'quota', 'queue_age', 'message_incident', 'credential_expiring', 'credential_refused'));
