-- What is remembered of a conversation: h, t, b, n, a.
return redis.call('HMGET', KEYS[1], 'h', 't', 'b', 'n', 'a')
