-- An app that is archived is kept and serves nobody; one that is being deleted is gone for everybody while its rows are taken away.
alter table app
  add column archived_at timestamptz,
  add column restored_at timestamptz, -- taken out of the archive: until then nobody could be heard of
  add column deleted_at timestamptz;
