-- So many of a batch's next deliveries may have been sent before and never booked: its worker died, stood still or failed.
alter table batch add column doubtful integer not null default 0;
