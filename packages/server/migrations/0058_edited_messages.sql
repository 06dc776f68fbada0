-- What a message was changed to last: of an edit that is repeated after a lost answer it is known that it was made.
alter table message add column edit_hash bytea;
