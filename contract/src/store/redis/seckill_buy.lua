-- Buys in a flash sale: token, window, limit, stock, buyer, reservation and intake entry in one step.
-- KEYS: activity, stock, reserved, buyers, the buyer's token, intake stream, rate of the sale, rate of the buyer,
--       product
-- ARGV: buyer, nonce, quantity, ms a used token is remembered, entries the stream may hold, intake channel,
--       requests per second of all buyers, requests per minute of this one (0 = any),
--       then pairs that are added to the entry
-- Returns: status, then by status
--   ok, again (the same token once more): order id | bought: order id
--   limited: ms to wait | early, off (the product is not on sale), over, unloaded, sold_out, full | expired, forged
--   limit: units one buyer may take
-- A reservation that ends in `:q` is settled by its intake entry; the sweep leaves it alone.
local token = redis.call('HMGET', KEYS[5], 'nonce', 'order', 'used')
if not token[1] then
  local bought = redis.call('HGET', KEYS[4], ARGV[1])
  if bought then return {'bought', bought} end
  return {'expired'}
end
if token[1] ~= ARGV[2] then return {'forged'} end
if token[3] then return {token[3] == ARGV[3] and 'again' or 'bought', token[2]} end
local ms = wait(KEYS[7], ARGV[7], 1000) or wait(KEYS[8], ARGV[8], 60000)
if ms then return {'limited', ms} end
local facts = redis.call('HMGET', KEYS[1], 'status', 'starts_at', 'ends_at', 'sku', 'limit', 'price', 'name', 'image', 'id', 'product')
if not facts[1] or facts[1] == 'lost' then return {'unloaded'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if facts[1] == 'over' or now >= tonumber(facts[3]) then return {'over'} end
if now < tonumber(facts[2]) then return {'early'} end
if facts[1] == 'off' or redis.call('HGET', KEYS[9], 'status') == '0' then return {'off'} end
local quantity = tonumber(ARGV[3])
if quantity > tonumber(facts[5]) then return {'limit', facts[5]} end
local bought = redis.call('HGET', KEYS[4], ARGV[1])
if bought then return {'bought', bought} end
local stock = redis.call('HMGET', KEYS[2], 'a:' .. facts[4], 'r:' .. facts[4])
if tonumber(stock[1] or '0') - tonumber(stock[2] or '0') < quantity then return {'sold_out'} end
local waiting = redis.call('XLEN', KEYS[6])
if waiting >= tonumber(ARGV[5]) then return {'full'} end
local shown = string.format('%.0f', now)
redis.call('HINCRBY', KEYS[2], 'r:' .. facts[4], ARGV[3])
redis.call('HSET', KEYS[3], token[2] .. ':' .. facts[4], ARGV[3] .. ':' .. shown .. ':q')
redis.call('HSET', KEYS[4], ARGV[1], token[2])
redis.call('HSET', KEYS[5], 'used', ARGV[3])
redis.call('PEXPIRE', KEYS[5], ARGV[4])
redis.call('XADD', KEYS[6], '*', 'kind', 'seckill', 'order', token[2], 'user', ARGV[1], 'seckill', facts[9],
  'product', facts[10], 'sku', facts[4], 'quantity', ARGV[3], 'price', facts[6], 'name', facts[7], 'image', facts[8] or '',
  'at', shown, unpack(ARGV, 9))
if waiting == 0 then redis.call('PUBLISH', ARGV[6], KEYS[6]) end
return {'ok', token[2]}
