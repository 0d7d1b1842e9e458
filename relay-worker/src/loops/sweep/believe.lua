-- Takes over the rows of a database that went back to an older copy of itself, which Redis is ahead of.
-- KEYS: stock. ARGV per row: sku, version that Redis showed, available or '' where the row is gone, version.
-- Only where Redis still shows that version: a newer row may have come meanwhile. Returns how many were taken over.
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
