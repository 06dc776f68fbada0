-- R15: what a back end says of a device is no sign of life, so it moves a clock of its own: `told_at` whatever it says,
-- `user_told_at` whose the device is. Older words (a file, a bulk call that waited) give way to it.
alter table device
  add column told_at timestamptz,
  add column user_told_at timestamptz;
