-- Ends a flash sale for good: nobody gets a token or buys from here on. Safe to repeat.
-- KEYS: activity, stock. ARGV: the sale's sku. Returns units promised to purchases that the database does not have yet.
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'status', 'over') end
return tonumber(redis.call('HGET', KEYS[2], 'r:' .. ARGV[1]) or '0')
