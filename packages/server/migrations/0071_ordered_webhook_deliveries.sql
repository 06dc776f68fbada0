-- outside a transaction
-- What an event has to wait for: the ones before it, of the same thing, to the same webhook.
create index concurrently if not exists webhook_delivery_in_order on webhook_delivery (webhook_id, order_key, id)
 where state = 'waiting' and order_key is not null;
