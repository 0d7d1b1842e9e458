-- Issues a token for a flash sale: one live token per buyer, none before the sale, after it, or when it is sold out.
-- KEYS: activity, stock, buyers, the buyer's token, rate of the sale, rate of the buyer, product
-- ARGV: buyer, nonce, order id or '' to ask whether one should be minted, ms the token is valid,
--       requests per second of all buyers, requests per minute of this one (0 = any)
-- Returns: status, then by status
--   mint | issued, held: nonce, order id, ms left | bought: order id | early: starts_at in ms
--   unloaded (not preheated) | off (the product is not on sale) | over | sold_out | limited: ms to wait
local facts = redis.call('HMGET', KEYS[1], 'status', 'starts_at', 'ends_at', 'sku')
if not facts[1] or facts[1] == 'lost' then return {'unloaded'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if facts[1] == 'over' or now >= tonumber(facts[3]) then return {'over'} end
if now < tonumber(facts[2]) then return {'early', facts[2]} end
if facts[1] == 'off' or redis.call('HGET', KEYS[7], 'status') == '0' then return {'off'} end
if ARGV[3] == '' then
  local ms = wait(KEYS[5], ARGV[5], 1000) or wait(KEYS[6], ARGV[6], 60000)
  if ms then return {'limited', ms} end
end
local bought = redis.call('HGET', KEYS[3], ARGV[1])
if bought then return {'bought', bought} end
local held = redis.call('HMGET', KEYS[4], 'nonce', 'order')
if held[1] then return {'held', held[1], held[2], redis.call('PTTL', KEYS[4])} end
local stock = redis.call('HMGET', KEYS[2], 'a:' .. facts[4], 'r:' .. facts[4])
if tonumber(stock[1] or '0') <= tonumber(stock[2] or '0') then return {'sold_out'} end
if ARGV[3] == '' then return {'mint'} end
redis.call('HSET', KEYS[4], 'nonce', ARGV[2], 'order', ARGV[3])
redis.call('PEXPIRE', KEYS[4], ARGV[4])
return {'issued', ARGV[2], ARGV[3], ARGV[4]}
