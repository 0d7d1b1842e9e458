-- Adopts the rows of a database that was restored to an older state, so that Redis is ahead of it.
-- KEYS: stock. ARGV per row: sku, version that Redis had, available or '' where the row is gone, the row's version.
-- Only while Redis still has that version: a newer row may have arrived since. Returns how many rows were adopted.
local believed = 0
for i = 1, #ARGV, 4 do
  local sku, seen, available, version = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if redis.call('HGET', KEYS[1], 'v:' .. sku) == seen then
    if available == '' then
      redis.call('HDEL', KEYS[1], 'a:' .. sku, 'v:' .. sku)
    else
      redis.call('HSET', KEYS[1], 'a:' .. sku, available, 'v:' .. sku, version)
    end
    believed = believed + 1
  end
end
return believed
