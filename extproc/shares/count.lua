-- Count scores in fading histograms, and read these. For each key in ARGV: half-life (s), how long it is kept (s), the number of
-- bins with new scores, and for each of these its name and how many. Fields of a key: a bin's place and its count, weighted by
-- forward decay; `at`, the landmark; `half`, the half-life they were weighted with.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local answer, next_arg = {}, 1
for place, key in ipairs(KEYS) do
  local half, kept, bins = tonumber(ARGV[next_arg]), ARGV[next_arg + 1], tonumber(ARGV[next_arg + 2])
  next_arg = next_arg + 3
  local known = redis.call('HMGET', key, 'at', 'half')
  local at, old_half = tonumber(known[1]), tonumber(known[2])
  if not at then
    at = now
    if bins > 0 then redis.call('HSET', key, 'at', string.format('%.6f', now), 'half', tostring(half)) end
  elseif old_half ~= half or (now - at) / half > 40 then
    -- A weight must not outgrow its number: everything anew, from a landmark of today.
    local factor = 2 ^ (-(now - at) / old_half)
    local fields = redis.call('HGETALL', key)
    for i = 1, #fields, 2 do
      if tonumber(fields[i]) then
        local count = tonumber(fields[i + 1]) * factor
        if count < 1e-9 then redis.call('HDEL', key, fields[i]) else redis.call('HSET', key, fields[i], string.format('%.17g', count)) end
      end
    end
    at = now
    redis.call('HSET', key, 'at', string.format('%.6f', now), 'half', tostring(half))
  end
  local weight = 2 ^ (math.max(now - at, 0) / half)
  for i = 1, bins do
    redis.call('HINCRBYFLOAT', key, ARGV[next_arg], string.format('%.17g', weight * tonumber(ARGV[next_arg + 1])))
    next_arg = next_arg + 2
  end
  if bins > 0 then redis.call('EXPIRE', key, kept) end
  answer[place] = {string.format('%.17g', 1 / weight), redis.call('HGETALL', key)}
end
return answer
