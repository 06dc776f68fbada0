-- outside a transaction

-- Who has a whole token of a Live Activity? Its hash takes the activity's name in, which a token does not tell.
create index concurrently if not exists address_activity on address (app_id, address)
  where kind like 'liveactivity:%';
