-- Remember a conversation for ARGV[1] seconds more. Kinds once held stay: an empty `h` is not among the fields.
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
