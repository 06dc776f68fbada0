-- A person's name may be written once more by what was under way while they were erased, on a device that is somebody
-- else's by now: it is swept like the names of devices.
create table erasure_sweep_user (
  erasure_id uuid not null references erasure (id) on delete cascade,
  app_id integer not null,
  user_id text not null,
  due_at timestamptz not null,
  primary key (app_id, user_id, erasure_id)
);
