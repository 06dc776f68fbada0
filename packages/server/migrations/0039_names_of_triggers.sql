-- outside a transaction
-- Of a name that several bear, the first one keeps it.
update trigger t set name = left(t.name, 113) || ' (' || right(t.id::text, 12) || ')'
 where t.state <> 'deleted'
   and exists (select from trigger o
                where o.app_id = t.app_id and lower(o.name) = lower(t.name) and o.state <> 'deleted' and o.id < t.id);
update schedule s set name = left(s.name, 113) || ' (' || right(s.id::text, 12) || ')'
 where exists (select from schedule o where o.app_id = s.app_id and lower(o.name) = lower(s.name) and o.id < s.id);
-- What is made twice sends to everybody twice.
create unique index concurrently if not exists trigger_name on trigger (app_id, lower(name)) where state <> 'deleted';
create unique index concurrently if not exists schedule_name on schedule (app_id, lower(name));
