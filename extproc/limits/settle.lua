-- Settle: what requests really used takes the place of what was reserved for them, and enters the hour's rollup.
--
-- ARGV: now (µs, 0 is the store's own), key of this writer's last batch, number of this batch, lines an hour may have,
-- seconds to keep an hour, then the batch as JSON:
--   p  lines {hour, field, fold, sums} of requests that had no lease
--   s  settlements {lease, actual amounts, line, output field, output tokens or -1, counts as JSON or ""}
--      counts: where it is not known that the lease was ever made, or that it is there still, what it was to be counted in.
--
-- Each lease is settled once, whoever says so and in whatever order:
--   open      released and charged
--   unheard   it has been charged at its estimate meanwhile: put right
--   gone      it is marked as settled: said before, nothing to do
--   lost      neither there nor marked, as after a failover to a replica that lags: named in the reply, to be sent again
--             with its counts, and then charged. Should it be on its way still, it finds the mark and comes too late
-- Replies {settled, put right, known, {lost leases}}, the same again to a batch that comes again, and {} to an older one.
local now, number = time_now(ARGV[1]), tonumber(ARGV[3])
local last, said = string.match(redis.call('GET', ARGV[2]) or '0 ', '^(%d+) (.*)$')
if tonumber(last) >= number then return tonumber(last) == number and cjson.decode(said) or {} end
local bound, keep_s = tonumber(ARGV[4]), tonumber(ARGV[5])
local batch = cjson.decode(ARGV[6])
local KEEP_WORD_S = 86400
local settled, mended, known, lost = 0, 0, 0, {}

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

local function release(open, actual)
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
  return open.is_unheard
end

local function settle(id, actual, line, output, tokens, counts)
  local lease = redis.call('HGET', KEYS[1], id)
  local is_read, open = false, nil
  if lease then
    is_read, open = pcall(open_lease, lease) -- one of another version is as good as lost
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', prefix .. 'leases', id)
  end
  if is_read then
    if release(open, actual) then mended = mended + 1 else settled = settled + 1 end
  elseif not lease and is_marked(id) then
    known = known + 1
    return
  elseif counts == '' then
    lost[#lost + 1] = id
    return
  else
    charge(counts_of(counts), {}, actual, now)
    settled = settled + 1
  end
  enter(line, 1, bound, keep_s)
  learn(output, tokens)
  mark(id)
end

saving(function()
  for _, line in ipairs(batch.p) do enter(line, 1, bound, keep_s) end
  for _, entry in ipairs(batch.s) do settle(unpack(entry)) end
end)
local reply = {settled, mended, known, lost}
redis.call('SET', ARGV[2], ARGV[3] .. ' ' .. cjson.encode(reply), 'EX', KEEP_WORD_S)
return reply
