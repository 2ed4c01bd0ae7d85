-- What is remembered of a conversation: the fields that ARGV names.
return redis.call('HMGET', KEYS[1], unpack(ARGV))
