-- Releases a reservation that is still old: a stock change or a hold may have been tried again since it was looked at.
-- KEYS: stock, reserved. ARGV: holder, sku, age in ms from which it is old. Returns 1 where it was released.
local field = ARGV[1] .. ':' .. ARGV[2]
local held = redis.call('HGET', KEYS[2], field)
if not held then return 0 end
local quantity, at = string.match(held, '^(%d+):(%d+)')
local time = redis.call('TIME')
local age = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(at)
if age < tonumber(ARGV[3]) then return 0 end
redis.call('HDEL', KEYS[2], field)
redis.call('HINCRBY', KEYS[1], 'r:' .. ARGV[2], '-' .. quantity)
return 1
