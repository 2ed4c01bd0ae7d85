-- Waive: leases that were charged unheard come to nothing after all, because their requests were charged in another way.
--
-- ARGV: now (µs, 0 is the store's own), lines an hour may have, seconds to keep an hour, then the leases.
local now, bound, keep_s = time_now(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for i = 4, #ARGV do
  local lease = redis.call('HGET', KEYS[1], ARGV[i])
  if lease and string.sub(lease, 1, 1) == '!' then
    local open = open_lease(lease)
    local windows, returned = {}, {} -- all else has been given back
    for _, count in ipairs(open.counts) do
      if count[2] == 'w' then windows[#windows + 1] = count end
    end
    for measure, amount in ipairs(open.amounts) do returned[measure] = -amount end
    charge(windows, {}, returned, now)
    enter(cjson.decode(open.kept).r[open.alternative], -1, bound, keep_s)
    redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', prefix .. 'leases', ARGV[i])
    mark(ARGV[i])
  end
end
save()
return 1
