-- Forgets products whose last flash sale ended long ago and whose intakes are empty, unless a new sale came meanwhile.
-- KEYS: registry. ARGV: ms by which the sale must have ended, then products. Returns how many were forgotten.
local forgotten = 0
for i = 2, #ARGV do
  local ends = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if ends and tonumber(ends) < tonumber(ARGV[1]) then
    forgotten = forgotten + redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return forgotten
