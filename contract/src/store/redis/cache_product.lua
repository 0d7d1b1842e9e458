-- Caches a catalogue entry, or that there is none, unless a newer entry is cached.
-- KEYS: product. ARGV: ms to keep, updated_at in ms, then field, value pairs. Returns 1 where it was stored.
local cached = tonumber(redis.call('HGET', KEYS[1], 'updated_at') or '0')
if cached > tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'updated_at', ARGV[2], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
