-- A row that is refused is told with its line in the file and the field that is wrong, so that people find it there. A file
-- that goes on in the middle has to know how many lines were before.

alter table device_import add column line_count bigint not null default 0;
alter table device_import_refusal add column line_number bigint, add column field text;
