-- Loads a flash sale's facts. Its stock is loaded by `sync`, from the database, so that a repeat refills nothing.
-- KEYS: activity, sales of the product
-- ARGV: 1 where its units were set aside just now, else 0; its number, window as starts_at:ends_at,
--       then field, value pairs
-- Returns its status: open | off | over (as it was) | lost
-- A sale that was set aside before and is unknown here may also have lost its buyers and purchases: it is `lost` until
-- the relay has restored them.
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'over' then return status end
if not status then status = ARGV[1] == '1' and 'open' or 'lost' end
redis.call('HSET', KEYS[1], 'status', status, unpack(ARGV, 4))
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return status
