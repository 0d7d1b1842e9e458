-- Frees a key whose request failed without effect. Only its owner may.
-- KEYS: idempotency state. ARGV: tick of the owner. Returns 1 where it was freed.
local held = redis.call('HMGET', KEYS[1], 'state', 'tick')
if held[1] == 'processing' and held[2] == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
