-- Applies the database's stock of a product and drops the reservations that it includes, in one step.
-- KEYS: stock, reserved
-- ARGV: number of rows, per row: sku, available, version; then per settled reservation: holder, sku
-- An older version never replaces a newer one. Safe to repeat. Returns how many reservations were settled.
local rows = tonumber(ARGV[1])
for i = 0, rows - 1 do
  local sku, available, version = ARGV[2 + i * 3], ARGV[3 + i * 3], ARGV[4 + i * 3]
  local seen = redis.call('HGET', KEYS[1], 'v:' .. sku)
  if not seen or tonumber(seen) < tonumber(version) then
    redis.call('HSET', KEYS[1], 'a:' .. sku, available, 'v:' .. sku, version)
  end
end
local settled = 0
for i = 2 + rows * 3, #ARGV, 2 do
  local field = ARGV[i] .. ':' .. ARGV[i + 1]
  local held = redis.call('HGET', KEYS[2], field)
  if held then
    redis.call('HDEL', KEYS[2], field)
    redis.call('HINCRBY', KEYS[1], 'r:' .. ARGV[i + 1], '-' .. string.match(held, '^%d+'))
    settled = settled + 1
  end
end
return settled
