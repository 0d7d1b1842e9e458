-- Admits a request to place an order, or returns the state of an earlier one with the same key.
-- KEYS: idempotency state, id counter of the user's gene, the user's rate window
-- ARGV: payload hash, ms to keep `processing`, ms of the id epoch, orders allowed per window (0 = any), window ms
-- Returns: now ms, state, then by state
--   admitted: tick | limited: ms to wait | processing, completed: tick, same payload 1/0, HTTP status, body
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local shown = string.format('%.0f', now)
local held = redis.call('HMGET', KEYS[1], 'state', 'tick', 'payload', 'status', 'body')
if held[1] then
  return {shown, held[1], held[2], held[3] == ARGV[1] and 1 or 0, held[4] or '', held[5] or ''}
end
local allowed = tonumber(ARGV[4])
if allowed > 0 then
  local used, left = redis.call('INCR', KEYS[3]), redis.call('PTTL', KEYS[3])
  -- New, or without an end, or the clock went back: as in window.lua.
  if left < 0 or left > tonumber(ARGV[5]) then
    left = tonumber(ARGV[5])
    redis.call('PEXPIRE', KEYS[3], left)
  end
  if used > allowed then return {shown, 'limited', math.max(left, 1)} end
end
-- Below 2^53 until 2093, so a double holds it exactly. Always above the last one minted.
local tick = (now - tonumber(ARGV[3])) * 4096
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
if tick <= last then tick = last + 1 end
local text = string.format('%.0f', tick)
redis.call('SET', KEYS[2], text)
redis.call('HSET', KEYS[1], 'state', 'processing', 'tick', text, 'payload', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {shown, 'admitted', text}
