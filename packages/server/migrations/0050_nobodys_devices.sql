-- A device that nobody ever logged in on has logged nobody out, though it is nobody's since it came.

-- Whether it has become somebody else's, or nobody's, since it came; null: it came before this was noted.
alter table device add column has_changed_user boolean;
alter table device alter column has_changed_user set default false;

create or replace function note_user_since() returns trigger language plpgsql as $$
begin
  new.user_since := clock_timestamp();
  new.has_changed_user := true;
  return new;
end $$;
