-- Waive: leases come to nothing, because their requests were charged in another way or never released.
--
-- ARGV: now (µs, 0 is the store's own), lines an hour may have, seconds to keep an hour, then the leases.
local now, bound, keep_s = time_now(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function waive(id)
  local lease = redis.call('HGET', KEYS[1], id)
  if lease then
    local open = open_lease(lease)
    if open.is_unheard then
      local windows, returned = {}, {} -- all else has been given back
      for _, count in ipairs(open.counts) do
        if count[2] == 'w' then windows[#windows + 1] = count end
      end
      for measure, amount in ipairs(open.amounts) do returned[measure] = -amount end
      charge(windows, {}, returned, now)
      enter(cjson.decode(open.kept).r[open.alternative], -1, bound, keep_s)
    else
      charge(open.counts, open.amounts, {}, now)
    end
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', prefix .. 'leases', id)
  end
  mark(id) -- it may be on its way still
end

saving(function()
  for i = 4, #ARGV do waive(ARGV[i]) end
end)
return 1
