-- Reverts a purchase that never became an order, so that its buyer may try again. Safe to repeat.
-- KEYS: stock, reserved, buyers, the buyer's token. ARGV: order id, the sale's sku, buyer.
-- Returns 1 where units were released.
local field = ARGV[1] .. ':' .. ARGV[2]
local held = redis.call('HGET', KEYS[2], field)
if held then
  redis.call('HDEL', KEYS[2], field)
  redis.call('HINCRBY', KEYS[1], 'r:' .. ARGV[2], '-' .. string.match(held, '^%d+'))
end
if redis.call('HGET', KEYS[3], ARGV[3]) == ARGV[1] then redis.call('HDEL', KEYS[3], ARGV[3]) end
if redis.call('HGET', KEYS[4], 'order') == ARGV[1] then redis.call('DEL', KEYS[4]) end
return held and 1 or 0
