-- Reserves ordinary units for a flash sale before the database sets them aside. Safe to repeat.
-- KEYS: stock, reserved. ARGV: holder (seckill-<number>), sku, quantity. Returns ok | unloaded | short.
local field = ARGV[1] .. ':' .. ARGV[2]
if redis.call('HEXISTS', KEYS[2], field) == 1 then return 'ok' end
local stock = redis.call('HMGET', KEYS[1], 'a:' .. ARGV[2], 'r:' .. ARGV[2])
if not stock[1] then return 'unloaded' end
if tonumber(stock[1]) - tonumber(stock[2] or '0') < tonumber(ARGV[3]) then return 'short' end
local time = redis.call('TIME')
redis.call('HINCRBY', KEYS[1], 'r:' .. ARGV[2], ARGV[3])
redis.call('HSET', KEYS[2], field, ARGV[3] .. ':' .. string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
return 'ok'
