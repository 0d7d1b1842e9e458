-- Reads a product's catalogue entry and its stock at one moment. KEYS: product, stock.
-- Returns {length of the entry, entry, stock}; both hashes as lists of fields and values, empty where there is none.
local entry = redis.call('HGETALL', KEYS[1])
return {#entry, entry, redis.call('HGETALL', KEYS[2])}
