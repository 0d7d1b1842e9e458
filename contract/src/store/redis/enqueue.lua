-- Accepts an order to be written later: completes its key and appends the whole order to the intake, in one step.
-- KEYS: idempotency state, queued order, intake stream
-- ARGV: tick of the owner, payload hash, ms to keep the response, status, body, queued value,
--       entries the stream may hold, intake channel, then pairs that are added to the entry
-- Returns ok | lost (the key belongs to another request) | full.
-- A reader finds the order under its queued key until the writer has it in the database.
if redis.call('HGET', KEYS[1], 'tick') ~= ARGV[1] then return 'lost' end
local waiting = redis.call('XLEN', KEYS[3])
if waiting >= tonumber(ARGV[7]) then return 'full' end
redis.call('HSET', KEYS[1], 'state', 'completed', 'payload', ARGV[2], 'status', ARGV[4], 'body', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[2], ARGV[6])
redis.call('XADD', KEYS[3], '*', 'kind', 'order', unpack(ARGV, 9))
if waiting == 0 then redis.call('PUBLISH', ARGV[8], KEYS[3]) end
return 'ok'
