-- Mints an order id for a gene. KEYS: id counter of the gene. ARGV: ms of the id epoch. Returns the tick as text.
local time = redis.call('TIME')
local tick = (time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[1])) * 4096
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
if tick <= last then tick = last + 1 end
local text = string.format('%.0f', tick)
redis.call('SET', KEYS[1], text)
return text
