-- Reserves units of one product for an order, all lines or none, and stores the reservations.
-- KEYS: product, stock, reserved
-- ARGV: order id, expected price in cents or '', then per line: sku, quantity
-- Returns: status, then by status
--   ok, db (stock is kept in the database; nothing reserved): name, image, price | price: price
--   miss (product not loaded) | unknown | off | unloaded, short: sku
-- Stock is derived, never counted down: what can be reserved = available in the database (a) less reserved (r).
local product = redis.call('HMGET', KEYS[1], 'absent', 'name', 'image', 'price', 'status', 'mode')
if product[1] then return {'unknown'} end
if not product[4] then return {'miss'} end
if product[5] ~= '1' then return {'off'} end
if ARGV[2] ~= '' and ARGV[2] ~= product[4] then return {'price', product[4]} end
if product[6] == '1' then return {'db', product[2], product[3], product[4]} end
local take = {}
for i = 3, #ARGV, 2 do
  local sku, quantity = ARGV[i], tonumber(ARGV[i + 1])
  if redis.call('HEXISTS', KEYS[3], ARGV[1] .. ':' .. sku) == 0 then
    local stock = redis.call('HMGET', KEYS[2], 'a:' .. sku, 'r:' .. sku)
    if not stock[1] then return {'unloaded', sku} end
    if tonumber(stock[1]) - tonumber(stock[2] or '0') < quantity then return {'short', sku} end
    take[#take + 1] = i
  end
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for _, i in ipairs(take) do
  redis.call('HINCRBY', KEYS[2], 'r:' .. ARGV[i], ARGV[i + 1])
  redis.call('HSET', KEYS[3], ARGV[1] .. ':' .. ARGV[i], ARGV[i + 1] .. ':' .. now)
end
return {'ok', product[2], product[3], product[4]}
