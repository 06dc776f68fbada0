-- Whose a device was before: who looks a person up that has logged out finds what was theirs. A row is written where the user of a
-- device changes, which calls of the same person never do.
create table former_user (
  bucket smallint not null,
  app_id integer not null,
  hwid text not null,
  user_id text not null,
  since timestamptz, -- null: not on record
  until timestamptz not null, -- of several times the last one
  primary key (bucket, app_id, hwid, user_id)
);
create index former_user_by_name on former_user (app_id, user_id);

create or replace function note_user_since() returns trigger language plpgsql as $$
begin
  new.user_since := clock_timestamp();
  new.has_changed_user := true;
  if old.user_id is not null then
    insert into former_user (bucket, app_id, hwid, user_id, since, until)
    values (old.bucket, old.app_id, old.hwid, old.user_id, old.user_since, new.user_since)
    on conflict (bucket, app_id, hwid, user_id) do update set since = excluded.since, until = excluded.until;
  end if;
  return new;
end $$;
