-- Prepended to scripts with a rate limit: counts a request in its window, unless the limit is 0.
-- Returns the ms to wait where the limit is exceeded.
local function wait(window, limit, ms)
  if limit == '0' then return nil end
  local used = redis.call('INCR', window)
  if used == 1 then redis.call('PEXPIRE', window, ms) end
  if used > tonumber(limit) then return math.max(redis.call('PTTL', window), 1) end
end
