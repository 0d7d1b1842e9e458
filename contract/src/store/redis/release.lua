-- Takes back what an order was promised and did not use. Safe to repeat.
-- KEYS: stock, reserved. ARGV: order id, then skus. Returns how many lines were released.
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
