-- A batch that is done needs no place to go on at, so it keeps no device's name.
update batch set cursor_bucket = null, cursor_hwid = null where state = 'done' and cursor_hwid is not null;
