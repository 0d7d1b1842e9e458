-- Corrects the sums of a product's intents and lists the intents that are old.
-- KEYS: stock, reserved
-- ARGV: age in ms from which an intent is old (twice that for a flash sale's); most intents to read
-- Returns: status, sums corrected, fields of old intents with the mark of their value, fields and values of the stock
--   ok | many (more intents than may be read; nothing was checked)
if redis.call('HLEN', KEYS[2]) > tonumber(ARGV[2]) then return {'many', 0, {}, {}} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local sums, old = {}, {}
local intents = redis.call('HGETALL', KEYS[2])
for i = 1, #intents, 2 do
  local sku = string.match(intents[i], ':(%d+)$')
  local quantity, at = string.match(intents[i + 1], '^(%d+):(%d+)')
  if sku and quantity then
    sums[sku] = (sums[sku] or 0) + tonumber(quantity)
    local age = string.sub(intents[i], 1, 1) == 's' and 2 * tonumber(ARGV[1]) or tonumber(ARGV[1])
    if now - tonumber(at) >= age then old[#old + 1] = intents[i] .. (string.match(intents[i + 1], ':q$') or '') end
  end
end
local corrected = 0
local stock = redis.call('HGETALL', KEYS[1])
for i = 1, #stock, 2 do
  local sku = string.match(stock[i], '^r:(%d+)$')
  if sku then
    local sum = sums[sku] or 0
    sums[sku] = nil
    if tonumber(stock[i + 1]) ~= sum then
      redis.call('HSET', KEYS[1], stock[i], string.format('%.0f', sum))
      corrected = corrected + 1
    end
  end
end
for sku, sum in pairs(sums) do
  redis.call('HSET', KEYS[1], 'r:' .. sku, string.format('%.0f', sum))
  corrected = corrected + 1
end
return {'ok', corrected, old, stock}
