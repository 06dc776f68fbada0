-- Deliveries that a gateway may have taken twice: their chunk was sent and never booked, or nobody heard the answer.
alter table batch add column repeated integer not null default 0;
-- An earlier try of it may have arrived.
alter table delivery_queue add column may_have_arrived boolean not null default false;
