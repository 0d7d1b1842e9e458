-- Takes a token from a bucket, by Redis' clock. Stored is the time in ms at which the bucket is full again.
-- KEYS: bucket. ARGV: tokens that it holds, ms in which one comes back, which may be less than one
-- Returns: 0, or ms until there is a token
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local size, each = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
-- A clock that went back must not close the bucket for longer than it takes to fill.
full = math.min(full, now + size * each)
local left = full + each - now - size * each
-- A token that comes back within a microsecond is there.
if left > 0.001 then return math.ceil(left) end
redis.call('SET', KEYS[1], string.format('%.3f', full + each), 'PX', math.ceil(full + each - now))
return 0
