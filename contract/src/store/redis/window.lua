-- Counts a request in a window of time, which begins with its first request and ends at a fixed time.
-- KEYS: window. ARGV: requests that it takes, its length in ms
-- Returns: 1 where it takes this one, else 0; how many more it takes; ms until it ends
local used = redis.call('INCR', KEYS[1])
local left, length = redis.call('PTTL', KEYS[1]), tonumber(ARGV[2])
-- New, or without an end: it would be closed for ever. Or the clock went back: it would be closed for longer than it is.
if left < 0 or left > length then
  left = length
  redis.call('PEXPIRE', KEYS[1], left)
end
local more = tonumber(ARGV[1]) - used
return {more >= 0 and 1 or 0, math.max(more, 0), math.max(left, 1)}
