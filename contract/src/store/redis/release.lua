-- Releases reservations that were not settled. Safe to repeat.
-- KEYS: stock, reserved. ARGV: holder (order id or seckill-<number>), then skus. Returns how many lines were released.
local released = 0
for i = 2, #ARGV do
  local field = ARGV[1] .. ':' .. ARGV[i]
  local held = redis.call('HGET', KEYS[2], field)
  if held then
    redis.call('HDEL', KEYS[2], field)
    redis.call('HINCRBY', KEYS[1], 'r:' .. ARGV[i], '-' .. string.match(held, '^%d+'))
    released = released + 1
  end
end
return released
