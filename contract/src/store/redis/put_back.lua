-- Releases what an attempt of a stock change or a hold took, unless a later attempt has taken it over. Safe to repeat.
-- KEYS: stock, reserved. ARGV: holder (change-<key>, hold-<key>), sku, the attempt's intent. Returns 1 where it was released.
local field = ARGV[1] .. ':' .. ARGV[2]
if redis.call('HGET', KEYS[2], field) ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[2], field)
redis.call('HINCRBY', KEYS[1], 'r:' .. ARGV[2], '-' .. string.match(ARGV[3], '^%d+'))
return 1
