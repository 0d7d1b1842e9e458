-- Reserves units again for a message that is retried, all lines of a product or none.
-- KEYS: stock, reserved, for a purchase also buyers
-- ARGV: order id, mark behind the intent, buyer or '', then per line: sku, quantity. Returns 1, or 0 where short.
-- A line that still has its intent keeps it. The buyer's purchase is recorded again, unless another one is by now.
local take = {}
for i = 4, #ARGV, 2 do
  if redis.call('HEXISTS', KEYS[2], ARGV[1] .. ':' .. ARGV[i]) == 0 then
    local stock = redis.call('HMGET', KEYS[1], 'a:' .. ARGV[i], 'r:' .. ARGV[i])
    if tonumber(stock[1] or '0') - tonumber(stock[2] or '0') < tonumber(ARGV[i + 1]) then return 0 end
    take[#take + 1] = i
  end
end
if KEYS[3] then redis.call('HSETNX', KEYS[3], ARGV[3], ARGV[1]) end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for _, i in ipairs(take) do
  redis.call('HINCRBY', KEYS[1], 'r:' .. ARGV[i], ARGV[i + 1])
  redis.call('HSET', KEYS[2], ARGV[1] .. ':' .. ARGV[i], ARGV[i + 1] .. ':' .. now .. ARGV[2])
end
return 1
