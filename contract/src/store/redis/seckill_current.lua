-- Finds the flash sale a caller means who names only the product: the running one (of several the one that ends first);
-- else the next to start; else the last that ended.
-- KEYS: sales of the product. ARGV: ms a sale is remembered after its end. Returns its number, or nothing.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local best, rank, order
local sales = redis.call('HGETALL', KEYS[1])
for i = 1, #sales, 2 do
  local starts, ends = string.match(sales[i + 1], '^(%d+):(%d+)$')
  starts, ends = tonumber(starts), tonumber(ends)
  local class, by
  if ends + tonumber(ARGV[1]) < now then
    redis.call('HDEL', KEYS[1], sales[i])
  elseif ends <= now then
    class, by = 1, ends
  elseif starts > now then
    class, by = 2, -starts
  else
    class, by = 3, -ends
  end
  if class and (not rank or class > rank or (class == rank and by > order)) then
    best, rank, order = sales[i], class, by
  end
end
return best
