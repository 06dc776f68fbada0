-- R15: what a file or an undo has brought back is not ended for a silence of before; it counts from here at the earliest.
alter table address add column ages_from timestamptz;

-- Of the stored rows: those whose address would have ended at once by the app's policy, and begins a new term instead.
alter table device_import add column overdue bigint not null default 0;
