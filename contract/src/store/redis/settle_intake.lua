-- Acknowledges and removes entries of an intake stream, so that its length is what still waits.
-- KEYS: intake stream. ARGV: group, then entry ids. Returns how many were removed.
redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 2))
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
