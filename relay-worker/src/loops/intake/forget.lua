-- Unregisters products whose last flash sale ended long ago, unless a new sale was registered meanwhile.
-- KEYS: registry. ARGV: ms for which the sale must be over, then products. Returns how many were removed.
local time = redis.call('TIME')
local long_ago = time[1] * 1000 - ARGV[1]
local forgotten = 0
for i = 2, #ARGV do
  local ends = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if ends and tonumber(ends) < long_ago then
    forgotten = forgotten + redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return forgotten
