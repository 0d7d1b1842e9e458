-- Ends a flash sale for good: nobody gets a token or buys from here on, and what is known of it goes in time. Safe to repeat.
-- KEYS: activity, stock, buyers. ARGV: the sale's sku, ms it is still remembered. Returns units promised to purchases that the database does not have yet.
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'status', 'over') end
redis.call('PEXPIRE', KEYS[1], ARGV[2], 'NX')
redis.call('PEXPIRE', KEYS[3], ARGV[2], 'NX')
return tonumber(redis.call('HGET', KEYS[2], 'r:' .. ARGV[1]) or '0')
