-- Reopens a lost flash sale once everything else is restored, unless it was lost again meanwhile.
-- KEYS: activity, sales of the product
-- ARGV: mark set when the recall began, status, the sale's number, window as starts_at:ends_at, then field, value pairs
-- Returns 1, or 0 where the mark is gone: then nothing that was restored can be relied on.
if redis.call('HGET', KEYS[1], 'recall') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'recall')
redis.call('HSET', KEYS[1], 'status', ARGV[2], unpack(ARGV, 5))
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return 1
