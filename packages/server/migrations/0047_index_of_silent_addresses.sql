-- outside a transaction
-- Each open asks whether its device has lost an address by its silence (R15); nearly none has. Whatever is updated at a
-- registration is no part of it, so rows stay on their pages (HOT).
create index concurrently if not exists address_silent on address (bucket, app_id, hwid)
  where state = 'dead' and reason in ('inactive', 'not_heard_of');
