-- Slots hands out the next slots of a merchant's rate limit, which all its workers share.
--
-- KEYS[1] when the merchant's next slot for interactive orders is (µs); KEYS[2] for bulk orders
-- ARGV[1] µs between two slots; ARGV[2] how many slots; ARGV[3] '1' for interactive orders
-- Returns µs from now until the first of them, which may be past by one interval.
--
-- Bulk orders line up behind all that were handed out before. Interactive ones line up behind one another only,
-- and push back the bulk slots that are not handed out yet: so the rate holds over time, and they go first.
--
-- A key holds the next slot, its interval, and since when that is the interval. When the interval gets shorter, slots
-- handed out at the old one hold nothing back for longer than a second. That happens once in two seconds at most: while
-- some workers have the old interval still, the rate is to hold nevertheless.
local us = microseconds()
local interval, span, interactive = tonumber(ARGV[1]), ARGV[1] * ARGV[2], ARGV[3] == '1'
local function read(key)
  local t, was, since = string.match(redis.call('GET', key) or '', '^(%d+) ?(%d*) ?(%d*)$')
  t, was, since = tonumber(t) or 0, tonumber(was) or interval, tonumber(since) or 0
  if was == interval or us - since < 2000000 then return t, was, since end
  if interval < was then t = math.min(t, us + 1000000) end
  return t, interval, us
end
local function advance(key)
  local t, was, since = read(key)
  t = math.max(t, us - interval)
  redis.call('SET', key, string.format('%.0f %.0f %.0f', t + span, was, since), 'PX', string.format('%.0f', (t + span - us) / 1000 + 60000))
  return t
end

local first
if interactive then first = advance(KEYS[1]) end
local behind = advance(KEYS[2])
return string.format('%.0f', (first or behind) - us)
