-- Frees a key: of a request that failed without effect (`processing`), or of an accepted order that was given up
-- (`completed`). Only its owner may.
-- KEYS: idempotency state. ARGV: tick of the owner, state it is in. Returns 1 where it was freed.
local held = redis.call('HMGET', KEYS[1], 'state', 'tick')
if held[1] == ARGV[2] and held[2] == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
