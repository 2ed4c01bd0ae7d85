-- What the three steps share. A script is this text and its own.
--
-- KEYS[1] is the organisation's hash of leases, `tiermesh:{ORG}:lease`. Every other key a step touches has the same prefix
-- and so the same hash slot; which ones is known only here, from the leases.
--
-- A count is one limit of one scope:
--   {name, kind, measure, cap, a, b, enforced, downgrade_at, downgrade_to, threshold, threshold, ...}
-- and its state three whole numbers, packed as doubles, in a field of the organisation's hash `counts`:
--   kind 'w'  a calendar window, a its end and b its start (epoch s).        State: spent, reserved, threshold told.
--   kind 'r'  a rate, by the generic cell rate algorithm (ITU-T I.371), a the µs for one unit and b the tolerance in µs.
--             State: the whole µs at which all that was let pass will have drained, the part of one beyond it, told.
--   kind 'f'  requests in flight.                                            State: how many, nothing, told.
-- `told` is the threshold told and the hour it was told in, as 128 * hour + percent. What is counted is part of the field's
-- name, so that a limit which is changed to count something else begins anew.
-- Measures: 1 micro-USD, 2 requests, 3 input tokens, 4 output tokens, 5 tokens, 6 in flight.
-- Money and tokens stay below 2^53, so Lua's doubles hold them exactly; they are written without an exponent.

local prefix = string.sub(KEYS[1], 1, -6)
local HOUR_US = 3600000000
local KEEP_WINDOW_S = 35 * 86400
local KEEP_IDLE_S = 86400
local KEEP_MARKS_S, MARKS = 2 * 86400, 1024
local STATE = '>ddd'
-- In µs, where a rate is counted: a sum of doubles may be off by that, and the last request that fits must not be refused for it.
local SLACK = 0.001

local function whole(number) return string.format('%.0f', number + 0) end -- a zero has no sign

local function time_now(given)
  local now = tonumber(given)
  if now > 0 then return now end
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local function fields_of(counts)
  local fields = {}
  for i, count in ipairs(counts) do
    fields[i] = count[1] .. '|' .. count[2] .. count[3] .. (count[2] == 'w' and ':' .. whole(count[6]) or '')
  end
  return fields
end

-- Each state is read once a script and written once, whatever part of a batch changes it: most requests share their counts.
local held, unsaved = {}, {}
local AT_ONCE = 1000

local function states_of(fields)
  local missing = {}
  for _, field in ipairs(fields) do
    if held[field] == nil then missing[#missing + 1] = field end
  end
  if #missing > 0 then
    local found = redis.call('HMGET', prefix .. 'counts', unpack(missing))
    for i, field in ipairs(missing) do held[field] = found[i] end
  end
  local states = {}
  for i, field in ipairs(fields) do states[i] = held[field] end
  return states
end

-- What a script has changed.
local function save()
  local written = {}
  for field in pairs(unsaved) do
    written[#written + 1] = field
    written[#written + 1] = held[field]
    if #written >= AT_ONCE then
      redis.call('HSET', prefix .. 'counts', unpack(written))
      written = {}
    end
  end
  if #written > 0 then redis.call('HSET', prefix .. 'counts', unpack(written)) end
  unsaved = {}
end

-- Does a script's work and saves what it changed; also where it fails in the middle, because leases that are gone by then have
-- been taken off their counts.
local function saving(work)
  local is_done, result = pcall(work)
  save()
  if not is_done then error(result, 0) end
  return result
end

-- Counts as they are written with asks and leases. Nobody changes them, so equal texts share one table.
local known_counts = {}
local function counts_of(text)
  local counts = known_counts[text]
  if not counts then
    counts = cjson.decode(text)
    known_counts[text] = counts
  end
  return counts
end

local function read(state)
  if not state then return 0, 0, 0 end
  local first, second, third = struct.unpack(STATE, state)
  return first, second, third
end

-- Takes values for fields; `states` has what there was. A field is in `ends` for as long as it is there,
-- with the second after which it may be forgotten: a window some time after its end, the others once they have been idle.
local function write(counts, fields, states, written, now)
  for i, count in ipairs(counts) do
    held[fields[i]], unsaved[fields[i]] = written[i], true
    if not states[i] then
      local ends_at = count[2] == 'w' and count[5] + KEEP_WINDOW_S or now / 1000000 + KEEP_IDLE_S
      redis.call('ZADD', prefix .. 'ends', whole(ends_at), fields[i])
    end
  end
end

local function is_reached(used, percent, cap) return (used + SLACK) * 100 >= percent * cap end

-- The highest threshold that has been told, once `used` is: each one once a window, or once an hour where there is none.
local function tell(count, told, used, cap, now)
  local reached = told
  for i = 10, #count do
    if count[i] > told and used > 0 and is_reached(used, count[i], cap) then reached = count[i] end
  end
  if reached > told then
    redis.call('XADD', prefix .. 'events', 'MAXLEN', '~', 1000, '*', 'e', cjson.encode({
      kind = 'threshold', count = count[1], percent = reached, measure = count[3],
      used = whole(used), cap = whole(cap), at_ms = whole(now / 1000),
      enforced = count[7] == 1, ends_at = count[2] == 'w' and whole(count[5]) or cjson.null,
    }))
  end
  return reached
end

-- The cap with a raise that still holds. One that cannot be read raises nothing, and keeps nobody from being served.
local function cap_of(count, raise, now)
  if not raise then return count[4] end
  local is_read, granted = pcall(cjson.decode, raise)
  if not is_read or granted['until'] * 1000000 <= now then return count[4] end
  return count[4] + granted.by
end

local known_raises = {}
local function raises_of(counts)
  local missing, raises = {}, {}
  for _, count in ipairs(counts) do
    if known_raises[count[1]] == nil then missing[#missing + 1] = count[1] end
  end
  if #missing > 0 then
    local found = redis.call('HMGET', prefix .. 'raises', unpack(missing))
    for i, name in ipairs(missing) do known_raises[name] = found[i] end
  end
  for i, count in ipairs(counts) do raises[i] = known_raises[count[1]] end
  return raises
end

-- A rate's state once it has drained `part` µs after the whole µs `us`. Apart, because a double holds µs since 1970 only to a
-- quarter of one, and requests may come faster.
local function drained_at(us, part)
  local carry = math.floor(part)
  return us + carry, part - carry
end

-- Which bit says that a lease has been settled. A worker numbers its leases, in hex after the last dash, and gives no number
-- twice, so the bit is that lease's alone also after a failover to a replica that lags.
local function mark_of(lease)
  local worker, number = string.match(lease, '^(.*)%-(%x+)$')
  number = tonumber(number, 16)
  return prefix .. 'settled:' .. worker .. ':' .. whole(math.floor(number / MARKS)), number % MARKS
end

local function is_marked(lease) return redis.call('GETBIT', mark_of(lease)) == 1 end

local function mark(lease)
  local key, bit = mark_of(lease)
  redis.call('SETBIT', key, bit, 1)
  redis.call('EXPIRE', key, KEEP_MARKS_S)
end

-- Takes what was reserved back from all counts and charges what was used instead.
local function charge(counts, reserved, actual, now)
  if #counts == 0 then return end
  local fields = fields_of(counts)
  local states, raises = states_of(fields), raises_of(counts)
  local written = {}
  for i, count in ipairs(counts) do
    local first, second, third = read(states[i])
    local held, used = reserved[count[3]] or 0, actual[count[3]] or 0
    if count[2] == 'w' then
      first, second = first + used, second - held
      if used > held and #count >= 10 then
        third = tell(count, third, first + second, cap_of(count, raises[i], now), now)
      end
    elseif count[2] == 'r' then
      if used > held and first < now then first, second = now, 0 end
      if used ~= held then
        -- At the pace of now: a raise makes it drain faster.
        local unit = count[5] * count[4] / cap_of(count, raises[i], now)
        first, second = drained_at(first, second + (used - held) * unit)
      end
    elseif held > 0 then
      first = math.max(first - 1, 0)
    end
    written[i] = struct.pack(STATE, first, second, third)
  end
  write(counts, fields, states, written, now)
end

-- Adds `sums` (times `sign`) to a line of an hour's rollup. Past the bound, new lines share the one called `fold`.
local function enter(line, sign, bound, keep_s)
  local key, field, sums = prefix .. 'hour:' .. whole(line[1]), line[2], line[4]
  local old = redis.call('HGET', key, field)
  local is_new = not old
  if is_new and redis.call('HLEN', key) >= bound then
    field = line[3]
    old = redis.call('HGET', key, field)
  end
  local count = #sums
  local new = {}
  if old then
    local held = {struct.unpack('>' .. string.rep('i8', math.floor(#old / 8)), old)}
    if #held - 1 > count then count = #held - 1 end -- unpack's last value is a position
    for i = 1, #held - 1 do new[i] = held[i] end
  end
  for i = 1, count do new[i] = (new[i] or 0) + sign * (sums[i] or 0) end
  redis.call('HSET', key, field, struct.pack('>' .. string.rep('i8', count), unpack(new)))
  if is_new then redis.call('EXPIREAT', key, whole(line[1] * 3600 + keep_s)) end
end

-- A lease as it was written: lines of alternative, amounts, counts, and what is only kept. One that was charged
-- unheard begins with `!`.
local function open_lease(text)
  local mark, alternative, rows, counts, kept = string.match(text, '^(!?)(%d+)\n([^\n]*)\n([^\n]*)\n(.*)$')
  return {
    is_unheard = mark == '!', alternative = tonumber(alternative),
    amounts = cjson.decode(rows)[tonumber(alternative)], counts = counts_of(counts), kept = kept,
  }
end
