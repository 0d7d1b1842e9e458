-- Counts a request in a window of time, which begins with its first request and ends at a fixed time.
-- KEYS: window. ARGV: requests that it takes, its length in ms
-- Returns: 1 where it takes this one, else 0; how many more it takes; ms until it ends
local used = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
-- New, or without an end: it would be closed for ever.
if left < 0 then
  left = tonumber(ARGV[2])
  redis.call('PEXPIRE', KEYS[1], left)
end
local more = tonumber(ARGV[1]) - used
return {more >= 0 and 1 or 0, math.max(more, 0), math.max(left, 1)}
