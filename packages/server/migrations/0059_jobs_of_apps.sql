-- What a run of a background job did, app by app, for those who look after one of them; and the app for which alone it ran.

alter table job_run add column parts jsonb; -- [{appId, summary, removed}]
alter table job_run add column app_id integer;
