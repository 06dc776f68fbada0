-- Chunks of it that are booked: by this a worker knows whether a commit took place whose answer it never got.
alter table batch add column bookings integer not null default 0;
