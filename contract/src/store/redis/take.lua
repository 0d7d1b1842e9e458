-- Takes ordinary units for a stock change or a hold before the database does. One attempt per key at a time.
-- KEYS: stock, reserved. ARGV: holder (change-<key>, hold-<key>), sku, quantity, ms after which an earlier attempt has ended
-- Returns: ok, the intent that was stored | busy (an attempt is under way): ms to wait | unloaded | short
local field = ARGV[1] .. ':' .. ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local had = 0
local held = redis.call('HGET', KEYS[2], field)
if held then
  local quantity, at = string.match(held, '^(%d+):(%d+)')
  local left = tonumber(at) + tonumber(ARGV[4]) - now
  if left > 0 then return {'busy', left} end
  had = tonumber(quantity)
end
local stock = redis.call('HMGET', KEYS[1], 'a:' .. ARGV[2], 'r:' .. ARGV[2])
if not stock[1] then return {'unloaded'} end
if tonumber(stock[1]) - tonumber(stock[2] or '0') + had < tonumber(ARGV[3]) then return {'short'} end
local intent = ARGV[3] .. ':' .. string.format('%.0f', now)
redis.call('HINCRBY', KEYS[1], 'r:' .. ARGV[2], tonumber(ARGV[3]) - had)
redis.call('HSET', KEYS[2], field, intent)
return {'ok', intent}
