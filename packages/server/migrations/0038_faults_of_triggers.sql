-- What could not be taken waits, and lets the others pass by.
alter table trigger
  add column last_fault text, -- why what was due was not taken; null when all is well
  add column retry_at timestamptz;
alter table schedule
  add column retry_at timestamptz;
