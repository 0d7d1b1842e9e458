-- Ends a flash sale for good: no tokens or purchases from here on, and its keys expire later. Safe to repeat.
-- KEYS: activity, stock, buyers. ARGV: the sale's sku, ms its keys are kept.
-- Returns units reserved for purchases that the database does not have yet; -1 where that is not known: the sale is
-- forgotten, or was lost and not restored before its end.
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'lost' then redis.call('HSET', KEYS[1], 'recall', 'over') end
if status then redis.call('HSET', KEYS[1], 'status', 'over') end
redis.call('PEXPIRE', KEYS[1], ARGV[2], 'NX')
redis.call('PEXPIRE', KEYS[3], ARGV[2], 'NX')
local promised = tonumber(redis.call('HGET', KEYS[2], 'r:' .. ARGV[1]) or '0')
if promised == 0 and (not status or redis.call('HEXISTS', KEYS[1], 'recall') == 1) then return -1 end
return promised
