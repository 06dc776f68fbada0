-- Events of one thing, such as a call, are told one after the other, by their place in the outbox. Null: in any order.
alter table webhook_delivery add column order_key text;
