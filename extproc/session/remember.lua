-- Remember conversations for ARGV[1] seconds more: for each key the number of its fields and values, then these.
-- Kinds once held stay: where nothing is held, `h` is not among the fields.
local at = 2
for _, key in ipairs(KEYS) do
  local count = tonumber(ARGV[at])
  redis.call('HSET', key, unpack(ARGV, at + 1, at + count))
  redis.call('EXPIRE', key, ARGV[1])
  at = at + count + 1
end
return 1
