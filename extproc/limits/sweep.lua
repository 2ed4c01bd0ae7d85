-- Sweep: leases nobody settled in time are charged at their estimate. Their requests may still be heard of for a day.
--
-- ARGV: now (µs, 0 is the store's own), how many to look at, lines an hour may have, seconds to keep an hour.
-- Replies {how many were looked at, then alternative, what was kept, ... of those charged now}.
local now = time_now(ARGV[1])
local bound, keep_s = tonumber(ARGV[3]), tonumber(ARGV[4])
local KEEP_UNHEARD_US = 86400 * 1000000
local due = redis.call('ZRANGEBYSCORE', prefix .. 'leases', '-inf', whole(now), 'LIMIT', 0, ARGV[2])
local charged = {#due}

local function sweep(id)
  local lease = redis.call('HGET', KEYS[1], id)
  local was_charged, is_read, open = lease and string.sub(lease, 1, 1) == '!', false, nil
  -- What cannot be read, left by another version, must not keep those behind it from being charged.
  if lease and not was_charged then is_read, open = pcall(open_lease, lease) end
  if is_read then
    local heard = {} -- rates have drained by now, and keep what was reserved
    for _, count in ipairs(open.counts) do
      if count[2] ~= 'r' then heard[#heard + 1] = count end
    end
    charge(heard, open.amounts, open.amounts, now)
    enter(cjson.decode(open.kept).r[open.alternative], 1, bound, keep_s)
    redis.call('HSET', KEYS[1], id, '!' .. lease)
    redis.call('ZADD', prefix .. 'leases', whole(now + KEEP_UNHEARD_US), id)
    charged[#charged + 1] = open.alternative
    charged[#charged + 1] = open.kept
  else
    if was_charged then mark(id) end -- at its estimate it stays
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', prefix .. 'leases', id)
  end
end

saving(function()
  for _, id in ipairs(due) do sweep(id) end
end)

-- Counts whose time is over are forgotten; one that was idle and is in use again stays.
for _, field in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'ends', '-inf', whole(now / 1000000), 'LIMIT', 0, ARGV[2])) do
  local first = read(redis.call('HGET', prefix .. 'counts', field))
  local kind = string.match(field, '|(%l)[^|]*$')
  if kind == 'r' and first > now or kind == 'f' and first > 0 then
    redis.call('ZADD', prefix .. 'ends', whole(now / 1000000 + KEEP_IDLE_S), field)
  else
    redis.call('HDEL', prefix .. 'counts', field)
    redis.call('ZREM', prefix .. 'ends', field)
  end
end
return charged
