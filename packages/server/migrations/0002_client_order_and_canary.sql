-- The order in which a device made its calls, and the proof that the secret is the one of before.

-- The highest number that the device has given to a call; null until it gives one.
alter table device add column client_seq bigint;

-- One row: a known text under ROOST_SECRET, sealed at the first start.
create table secret_canary (
  id boolean primary key default true check (id),
  sealed bytea not null
);

-- One spelling of VAPID public keys: base64url without padding.
update credential
   set settings = jsonb_set(settings, '{publicKey}',
                            to_jsonb(rtrim(translate(settings ->> 'publicKey', '+/', '-_'), '=')))
 where gateway = 'webpush';
