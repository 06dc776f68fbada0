-- What the segments that a nightly one names meant when its computation began, as in message.audience.
alter table segment_snapshot add column audience jsonb;

-- Which writing of the file it is. Whoever is erased is written out of it: the pieces of before are none of the next file's.
alter table segment_export add column run integer not null default 0;

-- Whom a file names, a row for each page of devices that were written: 8 bytes of a hash of the export and the hwid for each, and as
-- many of the export and the user (zeros: nobody was logged in). They go with the export, after a day.
create table segment_export_page (
  export_id uuid not null references segment_export (id) on delete cascade,
  app_id integer not null,
  bucket_from smallint not null,
  bucket_to smallint not null,
  hwids bytea not null,
  users bytea not null
);
alter table segment_export_page alter column hwids set storage external, alter column users set storage external;
create index segment_export_page_of on segment_export_page (export_id);
create index segment_export_page_of_app on segment_export_page (app_id, bucket_to);
