-- What an app has found when it looked at itself: the latest of each test device, and of a phone that an invitation leads.

alter table test_device add column self_check jsonb; -- when, SDK version, findings: codes, verdicts and values
alter table test_invitation add column self_check jsonb;
