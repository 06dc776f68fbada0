-- Of a message by local time or best hour each device reads it from its own moment on (message.slot_of).
alter table inbox_message add column is_by_clock boolean not null default false;
