-- outside a transaction
-- The calls of an app, or of one user of it, by when they were made: whom they were for, and who made them.
create index concurrently if not exists call_of_app on call (app_id, created_at, id);
create index concurrently if not exists call_of_caller on call (app_id, user_id) where user_id is not null;
create index concurrently if not exists call_callee_of_user on call_callee (app_id, user_id);
