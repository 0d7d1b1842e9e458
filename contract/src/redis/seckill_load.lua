-- Loads a flash sale's facts. Its stock comes by `sync`, from the database's word, so that a re-run refills nothing.
-- KEYS: activity, the product's current activity. ARGV: its number, then field, value pairs. Returns 1 where it is new.
local new = redis.call('EXISTS', KEYS[1]) == 0
if not (redis.call('HGET', KEYS[1], 'status') == 'over') then redis.call('HSET', KEYS[1], unpack(ARGV, 2)) end
redis.call('SET', KEYS[2], ARGV[1])
return new and 1 or 0
