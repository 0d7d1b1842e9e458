-- Takes a token from a bucket, by Redis' clock. Stored is the time at which the bucket is full again.
-- KEYS: bucket. ARGV: tokens that it holds, ms in which one comes back. Returns 0, or ms until there is one
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local size, each = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
-- A clock that went back must not close the bucket for longer than it takes to fill.
full = math.min(full, now + size * each)
local left = full + each - now - size * each
if left > 0 then return left end
redis.call('SET', KEYS[1], string.format('%.0f', full + each), 'PX', string.format('%.0f', full + each - now))
return 0
