-- Reserve: every limit of every level is checked, and all are charged with the estimate, or none.
--
-- ARGV: now (µs, 0 is the store's own), then of each ask, one after the other:
--       lease, µs until it is charged unheard, field of the app's learnt answer length,
--       amounts by measure as JSON (one row for each alternative, the first as decided), counts as JSON,
--       and, only to be kept with the lease, lines of the rollup for each alternative and whose request it is, as JSON.
--
-- Replies of each ask {admitted, alternative, sequence, learnt mean, learnt deviation, {shadow refusals}, {shadow downgrades},
--          cap, left and ms until all is back of each count, packed as doubles},
-- or {refused, index of the count, ms to wait, 0, 0, {}, {}, the same}, or {known}. The asks are answered in their order, each
-- as if it had come alone.
local REFUSED, ADMITTED, KNOWN = 0, 1, 2
local now = time_now(ARGV[1])
local hour = math.floor(now / HOUR_US)

-- One string is read many times faster than thirty numbers.
local function packed(numbers) return struct.pack('>' .. string.rep('d', #numbers), unpack(numbers)) end

local function reserve(lease, lasts_us, output, rows_text, counts_text, kept)
  -- A lease that is there already, or whose request has ended while this call was on its way, is left as it is.
  if redis.call('HEXISTS', KEYS[1], lease) == 1 or is_marked(lease) then return {KNOWN} end

  local rows, counts = cjson.decode(rows_text), counts_of(counts_text)
  local fields = fields_of(counts)
  local states, raises = states_of(fields), raises_of(counts)

  local alternative, shadow_refused, shadow_downgraded = 1, {}, {}
  local caps, firsts, seconds, told = {}, {}, {}, {}
  local used, room, units = {}, {}, {} -- in the measure's unit, but for rates: in µs
  for i, count in ipairs(counts) do
    local first, second, third = read(states[i])
    local cap = cap_of(count, raises[i], now)
    caps[i], firsts[i], seconds[i] = cap, first, second
    if count[2] == 'w' then
      used[i], room[i], told[i] = first + second, cap, third
    else
      told[i] = math.floor(third / 128) == hour and third % 128 or 0
      if count[2] == 'r' then
        -- A raise makes it drain faster, and lets as much more come at once.
        units[i] = count[5] * count[4] / cap
        used[i], room[i] = math.max(first - now + second, 0), count[6] * count[4] / cap + (cap - count[4]) * units[i]
      else
        used[i], room[i] = first, cap
      end
    end
    if count[8] > 0 and is_reached(used[i], count[8], room[i]) then
      if count[7] == 0 then
        shadow_downgraded[#shadow_downgraded + 1] = i
      elseif count[9] > alternative then
        alternative = count[9]
      end
    end
  end

  local amounts = rows[alternative]
  local standings, refused, longest_us = {}, 0, -1
  -- Who asks may think that a window lasts which by the time of here is over.
  local function us_to_reset(i, used_now)
    local count = counts[i]
    if count[2] == 'w' then return math.max(count[5] * 1000000 - now, 0) end
    return count[2] == 'r' and used_now or 0
  end
  local function stand(i, used_now)
    standings[3 * i - 2] = caps[i]
    standings[3 * i - 1] = math.max(0, math.floor((room[i] - used_now + SLACK) / (units[i] or 1)))
    standings[3 * i] = math.ceil((us_to_reset(i, used_now) - SLACK) / 1000)
  end
  for i, count in ipairs(counts) do
    local amount = amounts[count[3]]
    local over = used[i] + amount * (units[i] or 1) - room[i]
    if amount > 0 and over > SLACK then
      local wait_us = count[2] == 'r' and over or us_to_reset(i, used[i])
      if count[7] == 0 then
        shadow_refused[#shadow_refused + 1] = i
      elseif wait_us > longest_us then
        refused, longest_us = i, wait_us
      end
    end
  end
  if refused > 0 then
    for i = 1, #counts do stand(i, used[i]) end
    return {REFUSED, refused, math.ceil((longest_us - SLACK) / 1000), 0, 0, {}, {}, packed(standings)}
  end

  local written = {}
  for i, count in ipairs(counts) do
    local amount = amounts[count[3]]
    local after = used[i] + amount * (units[i] or 1)
    stand(i, after)
    local now_told = told[i]
    local unit = units[i] or 1
    if #count >= 10 and is_reached(after / unit, count[10], room[i] / unit) then
      now_told = tell(count, told[i], after / unit, room[i] / unit, now)
    end
    if count[2] == 'w' then
      written[i] = struct.pack(STATE, firsts[i], seconds[i] + amount, now_told)
    else
      local whole_us, part = after, 0
      if count[2] == 'r' then whole_us, part = drained_at(now, after) end
      written[i] = struct.pack(STATE, whole_us, part, 128 * hour + now_told)
    end
  end

  local learnt = redis.call('HGET', prefix .. 'output', output)
  local mean, deviation = -1, 0
  if learnt then
    mean, deviation = string.match(learnt, '^(%d+) (%d+)$')
    mean, deviation = tonumber(mean), tonumber(deviation)
  end
  local sequence = redis.call('INCR', prefix .. 'sequence')
  redis.call('HSET', KEYS[1], lease, table.concat({alternative, rows_text, counts_text, kept}, '\n'))
  redis.call('ZADD', prefix .. 'leases', whole(now + lasts_us), lease)
  write(counts, fields, states, written, now)
  return {ADMITTED, alternative, sequence, mean, deviation, shadow_refused, shadow_downgraded, packed(standings)}
end

return saving(function()
  local replies = {}
  for at = 2, #ARGV, 6 do replies[#replies + 1] = reserve(unpack(ARGV, at, at + 5)) end
  return replies
end)
