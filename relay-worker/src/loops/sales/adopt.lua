-- Restores a flash sale's buyers, and the intents of purchases whose units the database has not locked yet.
-- KEYS: stock, reserved, buyers
-- ARGV: the sale's sku, then per purchase: buyer, order id, units not locked in the database (0 = none), intent's mark
-- What exists stays unchanged. Safe to repeat. Returns how many intents were added.
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local promised = 0
for i = 2, #ARGV, 4 do
  redis.call('HSETNX', KEYS[3], ARGV[i], ARGV[i + 1])
  if ARGV[i + 2] ~= '0'
    and redis.call('HSETNX', KEYS[2], ARGV[i + 1] .. ':' .. ARGV[1], ARGV[i + 2] .. ':' .. now .. ARGV[i + 3]) == 1 then
    redis.call('HINCRBY', KEYS[1], 'r:' .. ARGV[1], ARGV[i + 2])
    promised = promised + 1
  end
end
return promised
