-- Settle: what requests really used takes the place of what was reserved for them, and enters the hour's rollup.
--
-- ARGV: now (µs, 0 is the store's own), key of this writer's last batch, number of this batch, lines an hour may have,
-- seconds to keep an hour, then the batch as JSON:
--   p  lines {hour, field, fold, sums} of requests that had no lease
--   s  settlements {lease, sequence, actual amounts, line, output field, output tokens or -1, counts as JSON or ""}
--      sequence 0: it is not known that the lease was ever made, and the counts say what it would have been counted in.
--
-- Each lease is settled once, whoever says so and in whatever order:
--   open      released and charged
--   unheard   it has been charged at its estimate meanwhile: put right
--   gone      its sequence number is marked as settled: said before, nothing to do
--   lost      neither there nor marked, as after a failover to a replica that lags: named in the reply, to be sent again
--             with its counts, and then charged
-- Replies {settled, put right, known, {lost leases}}, or {} when this batch has been written before.
local now = time_now(ARGV[1])
if tonumber(redis.call('GET', ARGV[2]) or '0') >= tonumber(ARGV[3]) then return {} end
local bound, keep_s = tonumber(ARGV[4]), tonumber(ARGV[5])
local batch = cjson.decode(ARGV[6])
local MARKS, KEEP_MARKS_S, KEEP_WORD_S = 1000000, 2 * 86400, 86400
local settled, mended, known, lost = 0, 0, 0, {}

local function mark_key(sequence) return prefix .. 'settled:' .. whole(math.floor(sequence / MARKS)) end

local function learn(field, tokens)
  if tokens < 0 then return end
  local mean, deviation = tokens, math.floor(tokens / 2)
  local learnt = redis.call('HGET', prefix .. 'output', field)
  if learnt then
    -- Jacobson and Karels' estimator of round-trip times (SIGCOMM 1988), for lengths.
    local m, d = string.match(learnt, '^(%d+) (%d+)$')
    local err = tokens - m
    mean, deviation = m + err / 8, d + (math.abs(err) - d) / 4
  elseif redis.call('HLEN', prefix .. 'output') >= 10000 then
    return
  end
  redis.call('HSET', prefix .. 'output', field, whole(mean) .. ' ' .. whole(deviation))
end

local function release(lease, actual, line)
  local open = open_lease(lease)
  if open.is_unheard then
    -- Windows have been charged with the estimate, and all else has been given back.
    local windows = {}
    for _, count in ipairs(open.counts) do
      if count[2] == 'w' then windows[#windows + 1] = count end
    end
    local difference = {}
    for measure, amount in ipairs(open.amounts) do difference[measure] = actual[measure] - amount end
    charge(windows, {}, difference, now)
    enter(cjson.decode(open.kept).r[open.alternative], -1, bound, keep_s)
  else
    charge(open.counts, open.amounts, actual, now)
  end
  enter(line, 1, bound, keep_s)
  redis.call('SETBIT', mark_key(open.sequence), open.sequence % MARKS, 1)
  redis.call('EXPIRE', mark_key(open.sequence), KEEP_MARKS_S)
  return open.is_unheard
end

for _, line in ipairs(batch.p) do enter(line, 1, bound, keep_s) end
for _, entry in ipairs(batch.s) do
  local id, sequence, actual, line, counts = entry[1], entry[2], entry[3], entry[4], entry[7]
  local lease = redis.call('HGET', KEYS[1], id)
  if lease and lease ~= 'x' then
    if release(lease, actual, line) then mended = mended + 1 else settled = settled + 1 end
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', prefix .. 'leases', id)
    learn(entry[5], entry[6])
  elseif lease == 'x' or (sequence > 0 and redis.call('GETBIT', mark_key(sequence), sequence % MARKS) == 1) then
    known = known + 1
  elseif counts == '' then
    lost[#lost + 1] = id
  else
    charge(cjson.decode(counts), {}, actual, now)
    enter(line, 1, bound, keep_s)
    learn(entry[5], entry[6])
    settled = settled + 1
  end
  -- Where the lease may still be on its way, a word is left that it comes too late.
  if not lease and counts ~= '' then
    redis.call('HSET', KEYS[1], id, 'x')
    redis.call('ZADD', prefix .. 'leases', whole(now + KEEP_WORD_S * 1000000), id)
  end
end
redis.call('SET', ARGV[2], ARGV[3], 'EX', KEEP_WORD_S)
return {settled, mended, known, lost}
