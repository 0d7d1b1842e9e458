-- Checks that Redis knows an open flash sale, and opens or stops its purchases as its product is on sale or not.
-- KEYS: activity, stock, sales of the product. ARGV: the sale's sku, open or off, its number, window as starts_at:ends_at
-- Returns: lost | same | open | off (its new status, where it changed)
local status = redis.call('HGET', KEYS[1], 'status')
if not status or status == 'lost' or redis.call('HEXISTS', KEYS[2], 'a:' .. ARGV[1]) == 0 then return 'lost' end
redis.call('HSETNX', KEYS[3], ARGV[3], ARGV[4])
if status == 'over' or status == ARGV[2] then return 'same' end
redis.call('HSET', KEYS[1], 'status', ARGV[2])
return ARGV[2]
