-- Completes an admitted request: stores its response under the key, caches the order, notifies the relay.
-- KEYS: idempotency state, cached order
-- ARGV: tick of the owner, payload hash, ms to keep the response, status, body, order version, cached value,
--       ms to cache, outbox channel, shard
-- Returns 1, or 0 where the key belongs to another request.
local owner = redis.call('HGET', KEYS[1], 'tick')
local owned = not owner or owner == ARGV[1]
if owned then
  redis.call('HSET', KEYS[1], 'state', 'completed', 'tick', ARGV[1], 'payload', ARGV[2], 'status', ARGV[4], 'body', ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
local cached = tonumber(string.match(redis.call('GETRANGE', KEYS[2], 0, 15), '^%d+') or '0')
if cached < tonumber(ARGV[6]) then redis.call('SET', KEYS[2], ARGV[7], 'PX', ARGV[8]) end
redis.call('PUBLISH', ARGV[9], ARGV[10])
return owned and 1 or 0
