-- Caches an order unless a newer version is cached, so that a slow reader cannot undo a write.
-- KEYS: cached order. ARGV: version, value (starts with the version), ms to keep. Returns 1 where it was stored.
local cached = tonumber(string.match(redis.call('GETRANGE', KEYS[1], 0, 15), '^%d+') or '0')
if cached > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
